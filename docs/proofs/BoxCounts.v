(** docs/rules/loss-boxes.md: how many sequences have given numbers of positions in each cell; boxes are disjoint and cover all sequences. *)
From mathcomp Require Import all_ssreflect.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.

Section Boxes.
Variables (T K : finType) (cell : T -> K).
Let size k := #|[pred x | cell x == k]|.

(** A box of one class of N positions: n k of them hold tokens of the cell k. *)
Definition box N (n : K -> nat) : pred (N.-tuple T) := [pred s : N.-tuple T | [forall k, count (fun x => cell x == k) s == n k]].

Lemma card_cons N (A : pred (N.+1.-tuple T)) : #|A| = \sum_x #|[pred s : N.-tuple T | A [tuple of x :: s]]|.
Proof.
rewrite -sum1_card (partition_big (fun s : N.+1.-tuple T => thead s) xpredT) //=; apply: eq_bigr => x _.
rewrite -sum1_card (reindex_onto (fun s : N.-tuple T => [tuple of x :: s]) (fun s => [tuple of behead s])) /=.
  apply: eq_bigl => s; rewrite theadE eqxx andbT.
  have -> : [tuple of behead [tuple of x :: s]] = s by exact: val_inj.
  by rewrite eqxx andbT inE.
by move=> s /andP[_ /eqP <-]; rewrite [RHS]tuple_eta; apply: val_inj.
Qed.

Let less (n : K -> nat) (k : K) : K -> nat := fun l => n l - (l == k).

Lemma sum_less n k : 0 < n k -> \sum_l n l = (\sum_l less n k l).+1.
Proof.
move=> n_gt0; rewrite (bigD1 k) // [in RHS](bigD1 k) //= /less eqxx subn1 -addSn prednK //; congr (_ + _).
by apply: eq_bigr => l /negbTE ->; rewrite subn0.
Qed.
Lemma fact_less n k : 0 < n k -> \prod_l (n l)`! = n k * \prod_l (less n k l)`!.
Proof.
move=> n_gt0; rewrite (bigD1 k) // [in RHS](bigD1 k) //= /less eqxx subn1 mulnA -{1 2}(prednK n_gt0) factS; congr (_ * _).
by apply: eq_bigr => l /negbTE ->; rewrite subn0.
Qed.
Lemma power_less (c : K -> nat) n k : 0 < n k -> \prod_l c l ^ n l = c k * \prod_l c l ^ less n k l.
Proof.
move=> n_gt0; rewrite (bigD1 k) // [in RHS](bigD1 k) //= /less eqxx subn1 mulnA -expnS prednK //; congr (_ * _).
by apply: eq_bigr => l /negbTE ->; rewrite subn0.
Qed.

Theorem box_size N (n : K -> nat) : \sum_k n k = N -> #|@box N n| * \prod_k (n k)`! = N`! * \prod_k size k ^ n k.
Proof.
elim: N n => [|N IH] n sum_n.
  have n0 k : n k = 0 by apply/eqP; have := leq0n (n k); rewrite -leqn0 -sum_n (bigD1 k) //= leq_addr.
  rewrite !big1 => [|k _|k _]; rewrite ?n0 // !muln1 -[RHS](card_tuple 0 T) -cardsT; apply: eq_card => s.
  by rewrite !inE (tuple0 s); apply/forallP => k; rewrite n0.
rewrite card_cons big_distrl /= (partition_big cell xpredT) //= factS -[in RHS]sum_n -mulnA big_distrl /=.
apply: eq_bigr => k _; case: (posnP (n k)) => [n0 | n_gt0].
  rewrite n0 mul0n big1 // => x /eqP xk; apply/eqP; rewrite muln_eq0; apply/orP; left; apply/eqP/eq_card0 => s.
  by rewrite !inE; apply/negbTE/forallP => /(_ k); rewrite /= xk eqxx n0.
have sum_N : \sum_l less n k l = N by apply: succn_inj; rewrite -sum_less.
rewrite (eq_bigr (fun=> n k * (N`! * \prod_l size l ^ less n k l))) => [|x /eqP xk].
  by rewrite sum_nat_const -/(size k) (power_less _ n_gt0) mulnCA [size k * (N`! * _)]mulnCA.
rewrite (fact_less n_gt0) mulnCA -(IH _ sum_N); congr (_ * (_ * _)); apply: eq_card => s; rewrite !inE.
apply: eq_forallb => l; rewrite /= xk /less [k == l]eq_sym.
case: (eqVneq l k) => [-> | _]; last by rewrite add0n subn0.
by rewrite add1n subn1 -{1}(prednK n_gt0) eqSS.
Qed.

(** Every sequence is in one box, the one of its own numbers. *)
Theorem boxes_cover N (s : N.-tuple T) : \sum_k count (fun x => cell x == k) s = N /\ s \in @box N (fun k => count (fun x => cell x == k) s).
Proof.
split; last by rewrite inE; apply/forallP => k.
rewrite -[RHS](size_tuple s) -sum1_size (partition_big cell xpredT) //=; apply: eq_bigr => k _.
by rewrite sum1_count.
Qed.
Theorem boxes_disjoint N (s : N.-tuple T) (n l : K -> nat) : s \in @box N n -> s \in @box N l -> n =1 l.
Proof. by rewrite !inE => /forallP sn /forallP sl k; rewrite -(eqP (sn k)) -(eqP (sl k)). Qed.
End Boxes.
