(** docs/rules/separable-early-maximum.md: the bound token by token, and the count of a block. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Proofcheck Require Import Semantics Separability Blocks SeparableMinimum SeparableCounting.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Tables.
Variables (R : realFieldType) (e : exponential R) (root : R) (n' d' : nat) (t : tables R n' d').
Implicit Types (x : input n' d') (q m k j o : 'I_d'.+1) (i : 'I_n'.+1).

(** separable-early-maximum.md. *)
Theorem early_maximum q m i k j (a : 'I_d'.+1) (top rest : R) :
  (forall o, value t q i k o <= top) -> (forall o, o != a -> value t q i k o <= rest) -> j != m ->
  weight e root t q i k * (value t q i k m - (if m == a then rest else top)) <= term e root t q m j i k.
Proof.
move=> le_top le_rest jm; rewrite ler_pmul2l ?weight_gt0 // ler_add2l ler_opp2.
by case: eqP => [ma | _]; [apply: le_rest; rewrite -ma | apply: le_top].
Qed.


(** Whole blocks: the fine bound with g in place of the terms. *)
Definition early q m (a : 'I_n'.+1 -> 'I_d'.+1 -> 'I_d'.+1) (top rest : 'I_n'.+1 -> 'I_d'.+1 -> R) i k : R :=
  weight e root t q i k * (value t q i k m - (if m == a i k then rest i k else top i k)).
Definition largest_two q (a : 'I_n'.+1 -> 'I_d'.+1 -> 'I_d'.+1) (top rest : 'I_n'.+1 -> 'I_d'.+1 -> R) : Prop :=
  forall i k, (forall o, value t q i k o <= top i k) /\ (forall o, o != a i k -> value t q i k o <= rest i k).

Theorem early_block q m a top rest (mu : 'I_n'.+1 -> R) (delta : R) : (q <= m)%N -> largest_two q a top rest ->
  (forall i (k : 'I_d'.+1), i != ord_max -> (k <= m)%N -> mu i <= early q m a top rest i k) ->
  (forall i, i != ord_max -> delta <= early q m a top rest i m - mu i) ->
  0 < early q m a top rest ord_max q + \sum_(i | i != ord_max) mu i + (if (q < m)%N then delta else 0) ->
  (m.+1 ^ n' - (q < m) * m ^ n')%N = #|[set x in block q m | tcorrect e root t x]|.
Proof.
move=> le_qm two le_mu le_delta S_gt0; apply: separable_minimum => // j jm x xB.
apply: lt_le_trans (fine_bound le_mu le_delta S_gt0 xB) _; apply: ler_sum => i _.
by have [le_top le_rest] := two i (x i); exact: early_maximum.
Qed.

(** Counting: one group of all rivals. *)
Theorem early_counting q m a top rest (L : 'I_n'.+1 -> 'I_d'.+1 -> int) (mu o : 'I_n'.+1 -> int) (h : int) (scale : R) :
  (q <= m)%N -> 0 < scale -> largest_two q a top rest ->
  (forall i (k : 'I_d'.+1), (k <= m)%N -> (L i k)%:~R <= scale * early q m a top rest i k) ->
  0 < h -> (forall i, 0 <= o i) -> (forall i (k : 'I_d'.+1), (k <= m)%N -> mu i <= L i k) ->
  (m.+1 ^ n' - (q < m) * m ^ n' - failures L mu o h q m <= #|[set x in block q m | tcorrect e root t x]|)%N.
Proof.
move=> le_qm scale_gt0 two le_L h_gt0 o_ge0 le_mu.
have := @separable_counting R e root n' d' t q m pred0 _ (fun=> tt) (fun=> L) (fun=> mu) (fun=> o) (fun=> h) scale le_qm scale_gt0.
rewrite big_const card_unit /= addn0; apply=> // j i k jm _ le_km; apply: le_trans (le_L i k le_km) _; rewrite ler_pmul2l //.
by have [le_top le_rest] := two i k; exact: early_maximum.
Qed.
End Tables.
