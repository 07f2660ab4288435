(** proofcheck/arithmetic/float_intervals.py: the lemma of outward rounding and that of the fixed-point product, in Flocq's binary64
    (53 bits, gradual underflow to 2^-1074, to nearest with ties to even). Overflow is outside: there the Python checks finiteness. *)
From Coq Require Import ZArith Reals Lra Lia.
From Flocq Require Import Core Relative Plus_error.

Local Open Scope R_scope.
Notation emin := (-1074)%Z.
Notation prec := 53%Z.
Notation fexp := (FLT_exp emin prec).
Notation fl := (round radix2 fexp ZnearestE).
Notation double := (generic_format radix2 fexp).
Notation pow2 := (bpow radix2).
#[local] Instance prec_gt_0 : Prec_gt_0 prec := eq_refl.

(** s of the lemma. *)
Definition spread (z : R) : R := fl (fl (Rabs z * pow2 (-52)) + pow2 emin).

Lemma double_pow2 e : (emin <= e)%Z -> double (pow2 e).
Proof. intros le_e. apply generic_format_bpow. unfold FLT_exp. lia. Qed.
Lemma fl_le x y : x <= y -> fl x <= fl y.
Proof. apply round_le; typeclasses eauto. Qed.
Lemma fl_double x : double x -> fl x = x.
Proof. intros d. apply round_generic; [typeclasses eauto | exact d]. Qed.

Lemma spread_ge_ulp z : ulp radix2 fexp z <= spread z.
Proof.
assert (a_ge0 : 0 <= fl (Rabs z * pow2 (-52))).
  rewrite <- (round_0 radix2 fexp ZnearestE). apply fl_le. apply Rmult_le_pos; [apply Rabs_pos | apply bpow_ge_0].
assert (t_gt0 := bpow_gt_0 radix2 emin).
unfold spread. destruct (Rlt_or_le (Rabs z) (pow2 (emin + prec))) as [small | large].
- rewrite (ulp_FLT_small radix2 emin prec z small). rewrite <- (fl_double (pow2 emin)) at 1 by (apply double_pow2; lia). apply fl_le. lra.
- assert (le : ulp radix2 fexp z <= Rabs z * pow2 (1 - prec)).
    apply ulp_FLT_le. apply Rle_trans with (2 := large). apply bpow_le. lia.
  assert (d : double (ulp radix2 fexp z)) by (apply generic_format_ulp; typeclasses eauto).
  rewrite <- (fl_double _ d). apply fl_le.
  apply Rle_trans with (fl (Rabs z * pow2 (-52))); [| lra].
  rewrite <- (fl_double _ d). apply fl_le. exact le.
Qed.

Lemma exact_le_succ e : e <= succ radix2 fexp (fl e).
Proof.
destruct (Rle_or_lt e (succ radix2 fexp (fl e))) as [le | lt]; [exact le | exfalso].
assert (d : double (fl e)) by (apply generic_format_round; typeclasses eauto).
assert (ds : double (succ radix2 fexp (fl e))) by (apply generic_format_succ; [typeclasses eauto | exact d]).
assert (le : succ radix2 fexp (fl e) <= fl e) by (rewrite <- (fl_double _ ds) at 1; apply fl_le; lra).
assert (gt : fl e < succ radix2 fexp (fl e)).
  destruct (Req_dec (fl e) 0) as [zero | nz]; [| apply succ_gt_id; exact nz].
  rewrite zero, succ_0. rewrite ulp_FLT_0 by typeclasses eauto. apply bpow_gt_0.
lra.
Qed.

Theorem outward_up e : e <= fl (fl e + spread (fl e)).
Proof.
apply Rle_trans with (1 := exact_le_succ e).
assert (d : double (fl e)) by (apply generic_format_round; typeclasses eauto).
assert (ds : double (succ radix2 fexp (fl e))) by (apply generic_format_succ; [typeclasses eauto | exact d]).
rewrite <- (fl_double _ ds). apply fl_le.
assert (le := succ_le_plus_ulp radix2 fexp (fl e)). assert (ge := spread_ge_ulp (fl e)). lra.
Qed.
Theorem outward_down e : fl (fl e - spread (fl e)) <= e.
Proof.
assert (up := outward_up (- e)). assert (N := round_NE_opp radix2 fexp).
rewrite N in up. unfold spread in up. rewrite Rabs_Ropp in up. fold (spread (fl e)) in up.
replace (- fl e + spread (fl e)) with (- (fl e - spread (fl e))) in up by ring. rewrite N in up. lra.
Qed.

(** Scaling by a power of two is exact, or rounds by at most half of 2^-1074. *)
Lemma scaling_error x k : double x -> Rabs (fl (pow2 k * x) - pow2 k * x) <= / 2 * pow2 emin.
Proof.
intros d. destruct (FLT_format_generic radix2 emin prec x d) as [[m e] E small le_e]; cbn [Fnum Fexp] in small, le_e.
assert (Ex : pow2 k * x = F2R (Float radix2 m (e + k))).
  rewrite E. unfold F2R; simpl. rewrite bpow_plus. ring.
destruct (Z_le_gt_dec emin (e + k)) as [big | tiny].
- assert (dk : double (pow2 k * x)).
    apply generic_format_FLT. exists (Float radix2 m (e + k)); [exact Ex | exact small | exact big].
  rewrite (fl_double _ dk). rewrite Rminus_diag_eq by reflexivity. rewrite Rabs_R0. assert (p := bpow_gt_0 radix2 emin). lra.
- assert (lt : Rabs (pow2 k * x) < pow2 (emin + prec)).
    rewrite Ex. apply F2R_lt_bpow. unfold Fnum, Fexp. apply Z.lt_le_trans with (1 := small).
    apply (Z.pow_le_mono_r 2); lia.
  rewrite <- (ulp_FLT_small radix2 emin prec (pow2 k * x) lt). apply error_le_half_ulp; typeclasses eauto.
Qed.

Lemma sum_error x y : double x -> double y -> Rabs (fl (x + y) - (x + y)) <= pow2 (-53) * Rabs (x + y).
Proof.
intros dx dy. destruct (FLT_plus_error_N_ex radix2 emin prec (fun n => negb (Z.even n)) x y dx dy) as [eps [le E]].
rewrite E. replace ((x + y) * (1 + eps) - (x + y)) with (eps * (x + y)) by ring. rewrite Rabs_mult.
apply Rmult_le_compat_r; [apply Rabs_pos |]. apply Rle_trans with (1 := le). unfold u_ro.
replace (/ 2 * pow2 (- prec + 1)) with (pow2 (-53)) by (rewrite bpow_plus; simpl; lra).
assert (u_gt0 := bpow_gt_0 radix2 (-53)). apply Rmult_le_reg_r with (1 + pow2 (-53)); [lra |].
unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. nra.
Qed.
Lemma product_error x : Rabs (fl x - x) <= pow2 (-53) * Rabs x + / 2 * pow2 emin.
Proof.
destruct (error_N_FLT radix2 emin prec eq_refl (fun n => negb (Z.even n)) x) as [eps [eta [le1 [le2 [_ E]]]]].
rewrite E. replace (x * (1 + eps) + eta - x) with (eps * x + eta) by ring.
apply Rle_trans with (1 := Rabs_triang _ _). rewrite Rabs_mult.
apply Rplus_le_compat; [| exact le2]. apply Rmult_le_compat_r; [apply Rabs_pos |].
replace (pow2 (-53)) with (/ 2 * pow2 (- prec + 1)) by (rewrite bpow_plus; simpl; lra). exact le1.
Qed.

(** The fixed-point product: w, u, v exact, wh, uh, vh the lower ends; bits = b + 1. *)
Theorem fixed_point_product (w u v wh uh vh W M rw ru rv : R) (k b : Z) :
  double wh -> double uh -> double vh -> double M ->
  Rabs w <= W -> Rabs wh <= W -> Rabs (uh + vh) <= M ->
  Rabs (w - wh) <= rw -> Rabs (u - uh) <= ru -> Rabs (v - vh) <= rv ->
  M <= pow2 1000 -> pow2 k * W * M <= pow2 b -> (b <= 28)%Z ->
  Rabs (fl (fl (pow2 k * wh) * fl (uh + vh)) - pow2 k * w * (u + v))
  <= pow2 k * (M * rw + W * (ru + rv + pow2 (-52) * M)) + pow2 (-20).
Proof.
intros dw du dv dM w_le wh_le s_le rw_le ru_le rv_le M_le size b_le.
set (S := fl (uh + vh)). set (w' := fl (pow2 k * wh)).
assert (k_gt0 := bpow_gt_0 radix2 k).
assert (M_ge0 : 0 <= M) by (apply Rle_trans with (2 := s_le); apply Rabs_pos).
assert (W_ge0 : 0 <= W) by (apply Rle_trans with (2 := w_le); apply Rabs_pos).
assert (S_le : Rabs S <= M).
  unfold S. apply abs_round_le_generic; try typeclasses eauto; [exact dM | exact s_le].
assert (w'_err : Rabs (w' - pow2 k * wh) <= / 2 * pow2 emin) by (apply scaling_error; exact dw).
assert (S_err : Rabs (S - (uh + vh)) <= pow2 (-53) * M).
  apply Rle_trans with (1 := sum_error _ _ du dv). apply Rmult_le_compat_l; [apply bpow_ge_0 | exact s_le].
assert (tiny : / 2 * pow2 emin * M <= pow2 (-74)).
  apply Rle_trans with (pow2 emin * pow2 1000); [| rewrite <- bpow_plus; apply bpow_le; lia].
  assert (t := bpow_gt_0 radix2 emin). nra.
assert (w'S : Rabs (w' * S) <= pow2 28 + pow2 (-74)).
  replace (w' * S) with (pow2 k * wh * S + (w' - pow2 k * wh) * S) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _). rewrite !Rabs_mult. rewrite (Rabs_pos_eq (pow2 k)) by lra.
  assert (a1 : pow2 k * Rabs wh * Rabs S <= pow2 28).
    apply Rle_trans with (pow2 k * W * M); [| apply Rle_trans with (1 := size); apply bpow_le; exact b_le].
    apply Rmult_le_compat; [apply Rmult_le_pos; [lra | apply Rabs_pos] | apply Rabs_pos | | exact S_le].
    apply Rmult_le_compat_l; [lra | exact wh_le].
  assert (a2 : Rabs (w' - pow2 k * wh) * Rabs S <= / 2 * pow2 emin * M).
    apply Rmult_le_compat; [apply Rabs_pos | apply Rabs_pos | exact w'_err | exact S_le].
  lra.
assert (P_err := product_error (w' * S)).
assert (c1 : Rabs (fl (w' * S) - w' * S) <= pow2 (-22)).
  apply Rle_trans with (1 := P_err).
  assert (e1 : pow2 (-53) * Rabs (w' * S) <= pow2 (-53) * (pow2 28 + pow2 (-74))) by (apply Rmult_le_compat_l; [apply bpow_ge_0 | exact w'S]).
  rewrite Rmult_plus_distr_l, <- !bpow_plus in e1.
  assert (e2 : pow2 (-53 + 28) <= pow2 (-25)) by (apply bpow_le; lia).
  assert (e3 : pow2 (-53 + -74) <= pow2 (-25)) by (apply bpow_le; lia).
  assert (e4 : pow2 emin <= pow2 (-25)) by (apply bpow_le; lia).
  assert (e5 : pow2 (-22) = 8 * pow2 (-25)) by (simpl; lra).
  assert (p := bpow_gt_0 radix2 (-25)). lra.
assert (c2 : Rabs ((w' - pow2 k * wh) * S) <= pow2 (-74)).
  rewrite Rabs_mult. apply Rle_trans with (2 := tiny).
  apply Rmult_le_compat; [apply Rabs_pos | apply Rabs_pos | exact w'_err | exact S_le].
assert (c3 : Rabs (pow2 k * (wh - w) * S) <= pow2 k * (M * rw)).
  rewrite !Rabs_mult, (Rabs_pos_eq (pow2 k)), Rmult_assoc by lra. apply Rmult_le_compat_l; [lra |].
  rewrite Rmult_comm. apply Rmult_le_compat; [apply Rabs_pos | apply Rabs_pos | exact S_le |]. rewrite Rabs_minus_sym. exact rw_le.
assert (c4 : Rabs (pow2 k * w * (S - (u + v))) <= pow2 k * (W * (ru + rv + pow2 (-52) * M))).
  rewrite !Rabs_mult, (Rabs_pos_eq (pow2 k)), Rmult_assoc by lra. apply Rmult_le_compat_l; [lra |].
  apply Rmult_le_compat; [apply Rabs_pos | apply Rabs_pos | exact w_le |].
  replace (S - (u + v)) with ((S - (uh + vh)) + (uh - u) + (vh - v)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _). assert (t := Rabs_triang (S - (uh + vh)) (uh - u)).
  rewrite (Rabs_minus_sym uh u) in t. rewrite (Rabs_minus_sym vh v).
  assert (h : pow2 (-53) * M <= pow2 (-52) * M) by (apply Rmult_le_compat_r; [exact M_ge0 | apply bpow_le; lia]). lra.
replace (fl (w' * S) - pow2 k * w * (u + v))
  with ((fl (w' * S) - w' * S) + (w' - pow2 k * wh) * S + pow2 k * (wh - w) * S + pow2 k * w * (S - (u + v))) by ring.
assert (t1 := Rabs_triang ((fl (w' * S) - w' * S) + (w' - pow2 k * wh) * S + pow2 k * (wh - w) * S) (pow2 k * w * (S - (u + v)))).
assert (t2 := Rabs_triang ((fl (w' * S) - w' * S) + (w' - pow2 k * wh) * S) (pow2 k * (wh - w) * S)).
assert (t3 := Rabs_triang (fl (w' * S) - w' * S) ((w' - pow2 k * wh) * S)).
assert (k1 : pow2 (-74) <= pow2 (-22)) by (apply bpow_le; lia).
assert (k2 : pow2 (-20) = 4 * pow2 (-22)) by (simpl; lra).
assert (k3 := bpow_gt_0 radix2 (-22)).
rewrite Rmult_plus_distr_l. lra.
Qed.

(** Sums and products of intervals: ends are rounded to nearest, then outward. *)
Notation down z := (fl (z - spread z)).
Notation up z := (fl (z + spread z)).
Theorem interval_sum x y xl xh yl yh : xl <= x <= xh -> yl <= y <= yh -> down (fl (xl + yl)) <= x + y <= up (fl (xh + yh)).
Proof.
intros X Y. assert (l := outward_down (xl + yl)). assert (h := outward_up (xh + yh)). lra.
Qed.

(** The least of rounded corners, then down, is at most every corner. *)
Lemma down_least c c' : fl c <= fl c' -> down (fl c) <= c'.
Proof.
intros le. destruct (Rle_or_lt c c') as [cc | cc]; [apply Rle_trans with (2 := cc); apply outward_down |].
assert (E : fl c = fl c') by (apply Rle_antisym; [exact le | apply fl_le; lra]). rewrite E. apply outward_down.
Qed.
Lemma up_most c c' : fl c' <= fl c -> c' <= up (fl c).
Proof.
intros le. destruct (Rle_or_lt c' c) as [cc | cc]; [apply Rle_trans with (1 := cc); apply outward_up |].
assert (E : fl c = fl c') by (apply Rle_antisym; [apply fl_le; lra | exact le]). rewrite E. apply outward_up.
Qed.
Lemma some_corner_below x y a b c d : a <= x <= b -> c <= y <= d -> a * c <= x * y \/ a * d <= x * y \/ b * c <= x * y \/ b * d <= x * y.
Proof.
intros X Y. destruct (Rle_or_lt 0 y); [destruct (Rle_or_lt 0 a) | destruct (Rle_or_lt 0 b)].
- left; nra.
- right; left; nra.
- right; right; left; nra.
- right; right; right; nra.
Qed.
Lemma some_corner_above x y a b c d : a <= x <= b -> c <= y <= d -> x * y <= a * c \/ x * y <= a * d \/ x * y <= b * c \/ x * y <= b * d.
Proof.
intros X Y. destruct (Rle_or_lt 0 y); [destruct (Rle_or_lt 0 b) | destruct (Rle_or_lt 0 a)].
- right; right; right; nra.
- right; right; left; nra.
- right; left; nra.
- left; nra.
Qed.
Theorem interval_product x y a b c d l h : a <= x <= b -> c <= y <= d ->
  (forall z, z = a * c \/ z = a * d \/ z = b * c \/ z = b * d -> fl l <= fl z <= fl h) ->
  down (fl l) <= x * y <= up (fl h).
Proof.
intros X Y least. split.
- destruct (some_corner_below x y a b c d X Y) as [k | [k | [k | k]]]; apply Rle_trans with (2 := k); apply down_least; apply least; tauto.
- destruct (some_corner_above x y a b c d X Y) as [k | [k | [k | k]]]; apply Rle_trans with (1 := k); apply up_most; apply least; tauto.
Qed.
