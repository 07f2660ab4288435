(** docs/rules/separable-enumeration.md: the pruned search sees exactly the sequences with S <= 0, once each, with the rivals that attain them. *)
From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Search.
Variables (P T J : eqType) (tokens : P -> seq T) (L : J -> P -> T -> int) (mu : J -> P -> int).
Hypothesis mu_min : forall j i t, t \in tokens i -> mu j i <= L j i t.
Implicit Types (free : seq P) (x : seq T) (nodes : seq (J * int)).

(** All choices of tokens at the free positions, in the order of the search. *)
Fixpoint choices free : seq (seq T) :=
  if free is i :: free' then [seq t :: x | t <- tokens i, x <- choices free'] else [:: [::]].
Fixpoint total j free x : int := if free is i :: free' then (if x is t :: x' then L j i t + total j free' x' else 0) else 0.
Definition least j free : int := \sum_(i <- free) mu j i.

(** A node is a rival with its sum so far; it is dropped if that and the minima of the remaining positions exceed 0. *)
Definition keep free nodes := [seq n <- nodes | n.2 + least n.1 free <= 0].
Definition expand i t nodes := [seq (n.1, n.2 + L n.1 i t) | n <- nodes].
Fixpoint search free nodes : seq (seq T * seq (J * int)) :=
  if free is i :: free' then [seq (t :: r.1, r.2) | t <- tokens i, r <- search free' (keep free' (expand i t nodes))]
  else if nodes is [::] then [::] else [:: ([::], nodes)].

(** The rivals of x with a sum <= 0. *)
Definition failing free x nodes := [seq n <- [seq (n.1, n.2 + total n.1 free x) | n <- nodes] | n.2 <= 0].

Lemma least_total j free x : x \in choices free -> least j free <= total j free x.
Proof.
elim: free x => [|i free IH] x; first by rewrite /least big_nil inE => /eqP ->.
by case/allpairsP=> -[t y] [/= ti yf ->]; rewrite /least big_cons ler_add ?mu_min ?IH.
Qed.

Lemma failing_keep i free t x nodes : x \in choices free ->
  failing free x (keep free (expand i t nodes)) = failing (i :: free) (t :: x) nodes.
Proof.
move=> xf; rewrite /failing /keep /expand; elim: nodes => //= -[j s] nodes IH /=.
case: ifP => [kept | /negbT dropped] /=; first by rewrite -addrA; case: ifP; rewrite IH.
case: ifP => [le0 | _]; last exact: IH.
case/negP: dropped; apply: le_trans le0; rewrite [leRHS]addrA ler_add2l; exact: least_total.
Qed.

Theorem search_spec free nodes : all (fun n => n.2 + least n.1 free <= 0) nodes ->
  search free nodes = [seq (x, failing free x nodes) | x <- choices free & failing free x nodes != [::]].
Proof.
elim: free nodes => [|i free IH] nodes kept /=.
  have E : failing [::] [::] nodes = nodes.
    rewrite /failing /=; elim: nodes kept => //= -[j s] nodes IH; rewrite /least big_nil addr0 /= => /andP[-> kept].
    by rewrite IH.
  rewrite -/(failing [::] [::] nodes) E.
  by case: (nodes) E => //= a l ->.
have step t : search free (keep free (expand i t nodes)) =
    [seq (x, failing (i :: free) (t :: x) nodes) | x <- choices free & failing (i :: free) (t :: x) nodes != [::]].
  rewrite IH; last exact: filter_all.
  rewrite (@eq_in_filter _ _ (fun x => failing (i :: free) (t :: x) nodes != [::])) => [|x xf]; last by rewrite failing_keep.
  by apply/eq_in_map => x; rewrite mem_filter => /andP[_ xf]; rewrite failing_keep.
rewrite /allpairs_dep filter_flatten map_flatten -!map_comp; congr flatten; apply: eq_map => t /=.
by rewrite step filter_map -!map_comp.
Qed.

(** Each sequence of the box is seen at most once. *)
Lemma choices_uniq free : (forall i, uniq (tokens i)) -> uniq (choices free).
Proof.
move=> uniq_t; elim: free => //= i free IH; apply: allpairs_uniq => //.
by move=> [t x] [t' x'] _ _ /= [-> ->].
Qed.
Theorem search_once free nodes : (forall i, uniq (tokens i)) -> all (fun n => n.2 + least n.1 free <= 0) nodes ->
  uniq [seq r.1 | r <- search free nodes] /\
  forall x, x \in choices free -> (x \in [seq r.1 | r <- search free nodes]) = (failing free x nodes != [::]).
Proof.
move=> uniq_t kept; rewrite search_spec // -map_comp (eq_map (f2 := id)) // map_id; split.
  exact/filter_uniq/choices_uniq.
by move=> x xf; rewrite mem_filter xf andbT.
Qed.
End Search.
