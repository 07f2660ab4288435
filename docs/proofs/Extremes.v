(** Sums of the k smallest and k largest of finitely many numbers bound every sum of k of them (cubic.md, attention-bounds.md). *)
From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Extremes.
Variables (R : realFieldType) (I : finType).
Implicit Types (w : I -> R) (K J : {set I}).

(** K holds smallest ones: each of its elements is at most each element of J outside. *)
Lemma smallest_sum w K J :
  #|K| = #|J| -> (forall i j, i \in K -> j \in J -> j \notin K -> w i <= w j) -> \sum_(i in K) w i <= \sum_(j in J) w j.
Proof.
move=> eqc least; rewrite (big_setID J) /= [leRHS](big_setID K) /= [J :&: K]setIC ler_add2l.
have eqd: #|K :\: J| = #|J :\: K|.
  by apply/eqP; rewrite -(eqn_add2l #|K :&: J|) cardsID [K :&: J]setIC cardsID eqc.
case: (set_0Vmem (J :\: K)) => [E | [j0 j0JK]].
  by move: eqd; rewrite E cards0 => /eqP/[!cards_eq0]/eqP ->; rewrite !big_set0.
case: (@arg_minP _ _ I j0 (mem (J :\: K)) w j0JK) => c cJK ge_c.
have {}cJK : c \in J :\: K := cJK; have /andP[cK cJ] : (c \notin K) && (c \in J) by move: cJK; rewrite inE.
apply: le_trans (_ : \sum_(i in K :\: J) w c <= _).
  by apply: ler_sum => i; rewrite inE => /andP[_ iK]; exact: least.
rewrite sumr_const eqd -sumr_const; exact: ler_sum.
Qed.

Lemma largest_sum w K J :
  #|K| = #|J| -> (forall i j, i \in K -> j \in J -> j \notin K -> w j <= w i) -> \sum_(j in J) w j <= \sum_(i in K) w i.
Proof.
move=> eqc most; rewrite -ler_opp2 -!sumrN; apply: (@smallest_sum (fun i => - w i)) => // i j iK jJ jK.
by rewrite ler_opp2 most.
Qed.

(** s is the sum of the k smallest, or k largest, of the w i with i in P. *)
Definition sum_of_smallest (P : pred I) w k (s : R) : Prop := exists2 K : {set I},
  [/\ forall i, i \in K -> P i, #|K| = k & forall i j, i \in K -> P j -> j \notin K -> w i <= w j] & s = \sum_(i in K) w i.
Definition sum_of_largest (P : pred I) w k (s : R) : Prop := exists2 K : {set I},
  [/\ forall i, i \in K -> P i, #|K| = k & forall i j, i \in K -> P j -> j \notin K -> w j <= w i] & s = \sum_(i in K) w i.

Theorem smallest_le (P : pred I) w k s J :
  sum_of_smallest P w k s -> (forall i, i \in J -> P i) -> #|J| = k -> s <= \sum_(i in J) w i.
Proof.
move=> [K [_ cK least] ->] JP cJ; apply: smallest_sum => [|i j iK jJ]; first by rewrite cK.
by apply: least => //; exact: JP.
Qed.
Theorem largest_ge (P : pred I) w k s J :
  sum_of_largest P w k s -> (forall i, i \in J -> P i) -> #|J| = k -> \sum_(i in J) w i <= s.
Proof.
move=> [K [_ cK most] ->] JP cJ; apply: largest_sum => [|i j iK jJ]; first by rewrite cK.
by apply: most => //; exact: JP.
Qed.
Lemma smallest_ge0 (P : pred I) w k s : (forall i, 0 < w i) -> sum_of_smallest P w k s -> 0 <= s.
Proof. by move=> w_gt0 [K _ ->]; apply: sumr_ge0 => i _; exact: ltW. Qed.
Lemma smallest_gt0 (P : pred I) w k s : (forall i, 0 < w i) -> (0 < k)%N -> sum_of_smallest P w k s -> 0 < s.
Proof.
move=> w_gt0 k_gt0 [K [_ cK _] ->]; have [i iK] : exists i, i \in K by apply/set0Pn; rewrite -card_gt0 cK.
rewrite (bigD1 i) //= ltr_paddr //; apply: sumr_ge0 => j _; exact: ltW.
Qed.
End Extremes.
