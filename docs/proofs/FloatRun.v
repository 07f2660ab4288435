(** Theorem F, the part over the reals: a conforming float run of one head is strictly right where the widened functional is positive.
    What a run's roundings do to scores and values (error, value_error) is a hypothesis here. *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From Proofcheck Require Import Semantics IntervalFunctional.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section FloatRun.
Variables (R : realFieldType) (e : exponential R) (I : finType).
(** Exact scores s, computed ones sh with top ch; computed weights wh = e(sh - ch) * f + z; C above all exact scores of the block;
    most: 2 in Theorem F, 2^12 in Theorem G, where s and C stand for exact scores and C plus what is common to all computed scores. *)
Variables (s sh f z wh theta : I -> R) (ch C err eta most : R).
Hypothesis computed : forall i, wh i = e (sh i - ch) * f i + z i.
Hypothesis score_error : forall i, `|sh i - s i| <= err.
Hypothesis factor_error : forall i, e (- (theta i - err)) <= f i <= e (theta i - err).
Hypothesis tiny : forall i, `|z i| <= eta.
Hypothesis scale_le : e (ch - C) <= most.
Hypothesis wh_ge0 : forall i, 0 <= wh i.
Let w i := e (s i - C).
Let wlo i := Num.max 0 (w i * e (- theta i) - most * eta).
Let whi i := w i * e (theta i) + most * eta.

Theorem computed_weight i : wlo i <= e (ch - C) * wh i <= whi i.
Proof.
have /andP[f_ge f_le] := factor_error i; have := score_error i; rewrite ler_norml => /andP[s_ge s_le].
have z_le : e (ch - C) * `|z i| <= most * eta by rewrite ler_pmul ?(ltW (ex_gt0 _ _)) ?tiny.
have /andP[z_lo z_hi] : - (most * eta) <= e (ch - C) * z i <= most * eta.
  by rewrite -ler_norml normrM (gtr0_norm (ex_gt0 _ _)).
have main : e (ch - C) * wh i = e (sh i - C) * f i + e (ch - C) * z i.
  by rewrite computed mulrDr mulrA -exD; congr (e _ * _ + _); ring.
apply/andP; split.
  rewrite /wlo le_maxl mulr_ge0 ?(ltW (ex_gt0 _ _)) //= main; apply: ler_add => //.
  apply: le_trans (_ : e (sh i - C) * e (- (theta i - err)) <= _); last by rewrite ler_pmul2l ?ex_gt0.
  rewrite /w -!exD; apply: ex_le.
  have -> : sh i - C + - (theta i - err) = s i - C + - theta i + ((sh i - s i) + err) by ring.
  by rewrite ler_addl -ler_subl_addr sub0r.
rewrite main /whi; apply: ler_add => //.
apply: le_trans (_ : e (sh i - C) * e (theta i - err) <= _); first by rewrite ler_pmul2l ?ex_gt0.
rewrite /w -!exD; apply: ex_le.
have -> : s i - C + theta i = sh i - C + (theta i - err) + (err - (sh i - s i)) by ring.
by rewrite ler_addl subr_ge0.
Qed.

(** The computed logit difference M is at least a mean of x with the computed weights; then its sign is that of the widened functional. *)
Theorem float_run (x : I -> R) (M : R) :
  0 < \sum_i wh i -> (\sum_i wh i * x i) / (\sum_i wh i) <= M ->
  0 < \sum_i Num.min (wlo i * x i) (whi i * x i) -> 0 < M.
Proof.
move=> W_gt0 le_M pos; apply: lt_le_trans le_M; rewrite divr_gt0 //.
rewrite -(pmulr_rgt0 _ (ex_gt0 e (ch - C))) mulr_sumr; apply: lt_le_trans pos _; apply: ler_sum => i _; rewrite mulrA.
have /andP[ge_lo le_hi] := computed_weight i.
case: (lerP 0 (x i)) => x0; rewrite le_minl; apply/orP; [left | right]; first by rewrite ler_wpmul2r.
by rewrite ler_wnmul2r // ltW.
Qed.
End FloatRun.
