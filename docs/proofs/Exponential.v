(** The third checker's exponentials: CoqInterval's enclosure of exp(z / (s * sqrt H)), rounded outward to integers of scale 2^K. *)
From Coq Require Import ZArith Reals Lra Lia.
From Flocq Require Import Core.
From Interval Require Import Specific_ops Specific_stdz Interval Sig Xreal Basic.
From Interval.Interval Require Import Float_full.

Module F := SpecificFloat StdZRadix2.
Module I := FloatIntervalFull F.
Local Open Scope Z_scope.

(** The largest integer at most m * 2^e, the smallest one at least it. *)
Definition shift_down (m e : Z) : Z := if 0 <=? e then m * 2 ^ e else m / 2 ^ (- e).
Definition shift_up (m e : Z) : Z := - shift_down (- m) e.

Definition lower_end (K : Z) (x : I.type) : Z :=
  match x with Float.Ibnd (Specific_ops.Float m e) _ => shift_down m (e + K) | _ => 0 end.
Definition upper_end (K : Z) (x : I.type) : option Z :=
  match x with Float.Ibnd _ (Specific_ops.Float m e) => Some (shift_up m (e + K)) | _ => None end.

Definition unit_enclosure (bits : positive) (s H : Z) : I.type :=
  I.mul (F.PtoP bits) (I.fromZ (F.PtoP bits) s) (I.sqrt (F.PtoP bits) (I.fromZ (F.PtoP bits) H)).
Definition exp_enclosure (bits : positive) (unit : I.type) (z : Z) : I.type :=
  I.exp (F.PtoP bits) (I.div (F.PtoP bits) (I.fromZ (F.PtoP bits) z) unit).

Local Open Scope R_scope.
Lemma IZR_pow2 (e : Z) : (0 <= e)%Z -> IZR (2 ^ e) = bpow radix2 e.
Proof. intros e_ge0. exact (IZR_Zpower radix2 e e_ge0). Qed.

Lemma shift_down_le m e : IZR (shift_down m e) <= IZR m * bpow radix2 e.
Proof.
unfold shift_down. destruct (Z.leb_spec 0 e) as [e_ge0 | e_lt0].
  rewrite mult_IZR, IZR_pow2 by assumption. apply Rle_refl.
assert (p_gt0 : (0 < 2 ^ (- e))%Z) by (apply Z.pow_pos_nonneg; lia).
assert (le : IZR (2 ^ (- e) * (m / 2 ^ (- e))) <= IZR m) by (apply IZR_le, Z.mul_div_le; exact p_gt0).
rewrite mult_IZR, IZR_pow2 in le by lia.
replace (bpow radix2 e) with (/ bpow radix2 (- e)) by (rewrite <- bpow_opp; f_equal; lia).
assert (b_gt0 := bpow_gt_0 radix2 (- e)).
apply Rmult_le_reg_l with (1 := b_gt0).
replace (bpow radix2 (- e) * (IZR m * / bpow radix2 (- e))) with (IZR m) by (field; lra). exact le.
Qed.
Lemma shift_up_ge m e : IZR m * bpow radix2 e <= IZR (shift_up m e).
Proof. unfold shift_up. assert (le := shift_down_le (- m) e). rewrite opp_IZR in *. lra. Qed.

Lemma toX_float m e : F.toX (Specific_ops.Float m e) = Xreal (IZR m * bpow radix2 e).
Proof.
unfold F.toX, F.toF. destruct m as [|p|p]; simpl; f_equal; [ring | | ]; rewrite FtoR_split; reflexivity.
Qed.

(** What an enclosure of r proves about r * 2^K. *)
Lemma lower_end_le K x r : contains (I.convert x) (Xreal r) -> 0 <= r -> IZR (lower_end K x) <= r * bpow radix2 K.
Proof.
assert (b_gt0 := bpow_gt_0 radix2 K).
intros c r_ge0; assert (zero : 0 <= r * bpow radix2 K) by (apply Rmult_le_pos; lra).
destruct x as [|l u]; simpl; [exact zero |]; destruct l as [|m e]; simpl; [exact zero |].
simpl in c.
destruct c as [c _]; change (I.F.toX (Specific_ops.Float m e)) with (F.toX (Specific_ops.Float m e)) in c; rewrite toX_float in c.
apply Rle_trans with (1 := shift_down_le m (e + K)). rewrite bpow_plus, <- Rmult_assoc.
apply Rmult_le_compat_r; [lra | exact c].
Qed.
Lemma upper_end_ge K x r z : contains (I.convert x) (Xreal r) -> upper_end K x = Some z -> r * bpow radix2 K <= IZR z.
Proof.
assert (b_gt0 := bpow_gt_0 radix2 K).
intros c; destruct x as [|l u]; simpl; [discriminate |]; destruct u as [|m e]; simpl; [discriminate |]; intros [= <-].
simpl in c. destruct c as [_ c]; change (I.F.toX (Specific_ops.Float m e)) with (F.toX (Specific_ops.Float m e)) in c; rewrite toX_float in c.
apply Rle_trans with (2 := shift_up_ge m (e + K)). rewrite bpow_plus, <- Rmult_assoc.
apply Rmult_le_compat_r; [lra | exact c].
Qed.

Lemma enclosed_unit bits s H : contains (I.convert (unit_enclosure bits s H)) (Xreal (IZR s * sqrt (IZR H))).
Proof.
apply (I.mul_correct (F.PtoP bits) _ _ (Xreal (IZR s)) (Xreal (sqrt (IZR H)))); [apply I.fromZ_correct |].
apply (I.sqrt_correct (F.PtoP bits) _ (Xreal (IZR H))), I.fromZ_correct.
Qed.

Theorem enclosed_exp bits s H z : (0 < s)%Z -> (0 < H)%Z ->
  contains (I.convert (exp_enclosure bits (unit_enclosure bits s H) z)) (Xreal (exp (IZR z / (IZR s * sqrt (IZR H))))).
Proof.
intros s_gt0 H_gt0; apply (I.exp_correct (F.PtoP bits) _ (Xreal (IZR z / (IZR s * sqrt (IZR H))))).
assert (u_gt0 : 0 < IZR s * sqrt (IZR H)).
  apply Rmult_lt_0_compat; [apply (IZR_lt 0); exact s_gt0 | apply sqrt_lt_R0, (IZR_lt 0); exact H_gt0].
assert (div := I.div_correct (F.PtoP bits) _ _ (Xreal (IZR z)) _ (I.fromZ_correct (F.PtoP bits) z) (enclosed_unit bits s H)).
simpl in div; unfold Xdiv' in div; rewrite is_zero_false in div by lra; exact div.
Qed.
