(** docs/rules/separable-partition.md: the leaves, the tree, the count. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Proofcheck Require Import Semantics Separability Blocks SeparableMinimum Boxes.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Tables.
Variables (R : realFieldType) (e : exponential R) (root : R) (n' d' : nat) (t : tables R n' d').
Implicit Types (x : input n' d') (q m k j o : 'I_d'.+1) (i : 'I_n'.+1).

(** separable-partition.md, for sets of sequences of the form x_i in A i. *)
Theorem part_correct q m (A : 'I_n'.+1 -> {set 'I_d'.+1}) (mu : 'I_d'.+1 -> 'I_n'.+1 -> R) :
  (forall j i k, k \in A i -> mu j i <= term e root t q m j i k) ->
  (forall j, j != m -> 0 < term e root t q m j ord_max q + \sum_(i | i != ord_max) mu j i) ->
  forall x, x \in box q A -> maximum x = m -> tcorrect e root t x.
Proof.
move=> le_mu pos x; rewrite inE => /andP[/eqP qx /forall_inP inA] mx.
rewrite separability qx mx; apply/forall_inP => j /pos; move/lt_le_trans; apply.
rewrite [leRHS](bigD1 ord_max) //= -/(query x) qx ler_add2l; apply: ler_sum => i ni; exact/le_mu/inA.
Qed.
Theorem part_wrong q m j (A : 'I_n'.+1 -> {set 'I_d'.+1}) (nu : 'I_n'.+1 -> R) : j != m ->
  (forall i k, k \in A i -> term e root t q m j i k <= nu i) ->
  term e root t q m j ord_max q + \sum_(i | i != ord_max) nu i <= 0 ->
  forall x, x \in box q A -> maximum x = m -> ~~ tcorrect e root t x.
Proof.
move=> jm le_nu neg x; rewrite inE => /andP[/eqP qx /forall_inP inA] mx.
rewrite separability qx mx; apply/forall_inPn; exists j => //; rewrite -leNgt.
apply: le_trans neg; rewrite [leLHS](bigD1 ord_max) //= -/(query x) qx ler_add2l.
by apply: ler_sum => i ni; exact/le_nu/inA.
Qed.
End Tables.

(** The tree of a box. A split at position i and token s sends x_i < s to the left and x_i >= s to the right. *)
Section Tree.
Variables n' d' : nat.
Notation input := (input n' d').
Notation ranges := (ranges n').
Implicit Types (x : input) (b : ranges) (i : 'I_n'.+1).
Local Open Scope nat_scope.

Inductive tree := Leaf | Split (i : 'I_n'.+1) (s : nat) (left right : tree).
Definition below b i s : ranges := fun k => if k == i then ((b i).1, s) else b k.
Definition from b i s : ranges := fun k => if k == i then (s, (b i).2) else b k.
Fixpoint leaves b tr : seq ranges :=
  if tr is Split i s l r then leaves (below b i s) l ++ leaves (from b i s) r else [:: b].
Fixpoint valid b tr : bool :=
  if tr is Split i s l r then [&& (b i).1 < s, s < (b i).2, valid (below b i s) l & valid (from b i s) r] else true.

Lemma split_within b i s x : (b i).1 < s -> s < (b i).2 ->
  (x \in within (d' := d') (below b i s)) + (x \in within (from b i s)) = (x \in within b).
Proof.
move=> lo_s s_hi; pose rest := [forall k, (k != i) ==> ((b k).1 <= x k < (b k).2)].
have splitE (c : nat * nat) (b' : ranges) : (forall k, b' k = if k == i then c else b k) ->
    (x \in within b') = (c.1 <= x i < c.2) && rest.
  move=> b'E; rewrite inE; apply/forallP/andP => [H | [Hi /forall_inP Hk] k]; last first.
    by rewrite b'E; case: eqP => [-> // | /eqP /Hk].
  split; first by have := H i; rewrite b'E eqxx.
  by apply/forall_inP => k /negbTE ki; have := H k; rewrite b'E ki.
rewrite (splitE ((b i).1, s)) // (splitE (s, (b i).2)) // (splitE (b i)) => [|k]; last by case: eqP => [->|].
case: (rest); rewrite ?andbF // !andbT /=; case: (leqP s (x i)) => [le_s | lt_s]; last first.
  by rewrite andbT andFb addn0 (ltn_trans lt_s s_hi) andbT.
by rewrite andbF add0n andTb (leq_trans (ltnW lo_s) le_s).
Qed.

(** The leaves are disjoint and cover the box. *)
Theorem leaves_partition b tr x : valid b tr -> \sum_(l <- leaves b tr) (x \in within (d' := d') l) = (x \in within b) :> nat.
Proof.
elim: tr b => [|i s l IHl r IHr] b /=; first by rewrite big_seq1.
case/and4P=> lo_s s_hi vl vr; rewrite big_cat /= IHl // IHr //; exact: split_within.
Qed.

(** The hint is the tree in preorder: -1 is a leaf, i * d + s a split. A list that starts with a tree does so in one way. *)
Fixpoint preorder tr : seq (option ('I_n'.+1 * nat)) :=
  if tr is Split i s l r then Some (i, s) :: preorder l ++ preorder r else [:: None].
Theorem preorder_unique tr tr' r r' : preorder tr ++ r = preorder tr' ++ r' -> tr = tr' /\ r = r'.
Proof.
elim: tr tr' r r' => [|i s l IHl rt IHr] [|i' s' l' rt'] r r' //=; first by case.
case=> <- <-; rewrite -!catA => /IHl[<-] /IHr[<- <-]; by [].
Qed.
End Tree.

(** The count of a block: whatever decides a leaf, right leaves are correct and wrong ones wrong. *)
Theorem partition_count (n' d' : nat) (S : {set input n' d'}) (roots : seq (ranges n' * tree n')) (good : pred (input n' d')) (right wrong : pred (ranges n')) :
  all (fun r => valid r.1 r.2) roots ->
  (forall x, \sum_(r <- roots) (x \in within r.1) = (x \in S) :> nat)%N ->
  (forall l x, right l -> x \in within l -> x \in S -> good x) -> (forall l x, wrong l -> x \in within l -> x \in S -> ~~ good x) ->
  let ls := flatten [seq leaves r.1 r.2 | r <- roots] in
  (\sum_(l <- ls | right l) #|within (d' := d') l| <= #|[set x in S | good x]|
   /\ \sum_(l <- ls | wrong l) #|within (d' := d') l| <= #|[set x in S | ~~ good x]|)%N.
Proof.
move=> valid_roots cover rightP wrongP ls.
have cover_ls x : (\sum_(l <- ls) (x \in within l) = (x \in S))%N.
  rewrite -cover /ls {cover ls}; elim: roots valid_roots => [|[b tr] rs IH] /=; first by rewrite !big_nil.
  by case/andP=> v /IH E; rewrite big_cat big_cons E leaves_partition.
by split; apply: (count_parts cover_ls) => l okl x xl xS; [exact: rightP okl xl xS | exact: wrongP okl xl xS].
Qed.
