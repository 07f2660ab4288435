(** Lemma 0 and Lemma 1 under all compact rules, ratio, margin, heads, ReLU after attention, nested scores, the last attention layer. *)
From mathcomp Require Import all_ssreflect all_algebra ring.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Functional.
Variables (R : realFieldType) (I : finType) (X : Type) (inside : X -> Prop). (* positions; inputs; the set of inputs *)
Implicit Types (f w v : X -> I -> R).

(** mu is at most the sum of f on every input: a lower bound of min_X sum f. *)
Definition mu_le f (mu : R) : Prop := forall x, inside x -> mu <= \sum_i f x i.

(** Lemma 0: on a box, and by a lower bound for each position; supersets of X only lower it. *)
Theorem least_box f (b : I -> R) : (forall x i, inside x -> b i <= f x i) -> mu_le f (\sum_i b i).
Proof. by move=> le_b x xX; apply: ler_sum => i _; exact: le_b. Qed.
Theorem least_weaken f f' mu mu' : (forall x i, inside x -> f' x i <= f x i) -> mu' <= mu -> mu_le f' mu -> mu_le f mu'.
Proof. by move=> le_f le_mu le x xX; apply: le_trans le_mu (le_trans (le x xX) _); apply: ler_sum => i _; exact: le_f. Qed.

(** Lemma 1 (interval functional): weights between wlo and whi, values at least v. *)
Theorem interval_functional (wlo whi v w D : X -> I -> R) mu :
  (forall x i, inside x -> 0 <= wlo x i) -> (forall x i, inside x -> wlo x i <= w x i <= whi x i) -> (forall x i, inside x -> v x i <= D x i) ->
  mu_le (fun x i => Num.min (wlo x i * v x i) (whi x i * v x i)) mu -> mu_le (fun x i => w x i * D x i) mu.
Proof.
move=> wlo_ge0 w_in v_le le x xX; apply: le_trans (le x xX) _; apply: ler_sum => i _.
have /andP[ge_lo le_hi] := w_in x i xX; have w_ge0 : 0 <= w x i := le_trans (wlo_ge0 x i xX) ge_lo.
apply: le_trans (_ : w x i * v x i <= _); last by rewrite ler_wpmul2l ?v_le.
case: (lerP 0 (v x i)) => v0; rewrite le_minl; apply/orP; [left | right]; first by rewrite ler_wpmul2r.
by rewrite ler_wnmul2r // ltW.
Qed.

(** R (ratio). *)
Theorem ratio w L (gamma : R) x : (0 < \sum_i w x i) ->
  (gamma <= (\sum_i w x i * L x i) / (\sum_i w x i)) = (0 <= \sum_i w x i * (L x i - gamma)).
Proof.
move=> W_gt0; rewrite ler_pdivl_mulr // -subr_ge0; congr (0 <= _).
by rewrite mulr_sumr -sumrB; apply: eq_bigr => i _; ring.
Qed.
Theorem ratio_strict w L (gamma : R) x : (0 < \sum_i w x i) ->
  (gamma < (\sum_i w x i * L x i) / (\sum_i w x i)) = (0 < \sum_i w x i * (L x i - gamma)).
Proof.
move=> W_gt0; rewrite ltr_pdivl_mulr // -subr_gt0; congr (0 < _).
by rewrite mulr_sumr -sumrB; apply: eq_bigr => i _; ring.
Qed.

(** Margin: M_j > delta iff the functional of w (D - delta) is positive. *)
Theorem margin_above w D (delta : R) : (forall x, inside x -> 0 < \sum_i w x i) ->
  (forall x, inside x -> 0 < \sum_i w x i * (D x i - delta)) <-> (forall x, inside x -> delta < (\sum_i w x i * D x i) / (\sum_i w x i)).
Proof. by move=> W_gt0; split=> pos x xX; [rewrite ratio_strict ?W_gt0 ?pos | rewrite -ratio_strict ?W_gt0 ?pos]. Qed.

(** H (heads): bounds of heads on the same inputs add up. *)
Theorem heads (H : finType) (w L : H -> X -> I -> R) (direct : X -> R) (gamma : H -> R) (low : R) :
  (forall h x, inside x -> 0 < \sum_i w h x i) -> (forall h, mu_le (fun x i => w h x i * (L h x i - gamma h)) 0) -> (forall x, inside x -> low <= direct x) ->
  forall x, inside x -> low + \sum_h gamma h <= direct x + \sum_h (\sum_i w h x i * L h x i) / (\sum_i w h x i).
Proof.
move=> W_gt0 le_gamma le_low x xX; apply: ler_add; first exact: le_low.
by apply: ler_sum => h _; rewrite ratio ?W_gt0 //; exact: le_gamma.
Qed.

(** L (last attention layer): reference key c, differences of scores at least g, values at least m. *)
Theorem last_layer (e : R -> R) (s V g m : X -> I -> R) (c : I) (gamma mc : R) x :
  (forall a, 0 < e a) -> (forall a b, e (a + b) = e a * e b) -> (forall a b, a <= b -> e a <= e b) ->
  (forall k, k != c -> g x k <= s x c - s x k) -> (forall k, k != c -> m x k <= V x k) -> mc <= V x c ->
  0 <= mc - gamma + \sum_(k | k != c) e (- g x k) * Num.min (m x k - gamma) 0 ->
  gamma <= (\sum_k e (s x k) * V x k) / (\sum_k e (s x k)).
Proof.
move=> e_gt0 eD e_le le_g le_m le_mc pos.
have W_gt0 : 0 < \sum_k e (s x k).
  by rewrite (bigD1 c) //= ltr_paddr // sumr_ge0 // => k _; exact: ltW.
rewrite ler_pdivl_mulr // mulr_sumr -subr_ge0 -sumrB.
apply: le_trans (_ : 0 <= e (s x c) * (mc - gamma + \sum_(k | k != c) e (- g x k) * Num.min (m x k - gamma) 0)) _.
  by rewrite mulr_ge0 // ltW.
rewrite mulrDr [leRHS](bigD1 c) //= mulr_sumr; apply: ler_add.
  by rewrite mulrBr [gamma * _]mulrC ler_add2r ler_pmul2l.
apply: ler_sum => k kc; rewrite [gamma * _]mulrC -mulrBr mulrA -eD.
apply: le_trans (_ : e (s x k) * Num.min (m x k - gamma) 0 <= _).
  rewrite ler_wnmul2r ?le_minl ?lexx ?orbT // e_le // ler_subr_addl -ler_subr_addr.
  exact: le_g.
rewrite ler_pmul2l // le_minl; apply/orP; left; by rewrite ler_add2r le_m.
Qed.
End Functional.

(** P (ReLU after attention), one unit: below by s * p, or above by a line, whatever its slope. *)
Section ReLU.
Variable R : realFieldType.
Definition relu (p : R) : R := Num.max 0 p.
Theorem relu_ge (s p : R) : 0 <= s <= 1 -> s * p <= relu p.
Proof.
move=> /andP[s_ge0 s_le1]; rewrite /relu; case: (lerP 0 p) => p0; first by rewrite -[leRHS]mul1r ler_wpmul2r.
by rewrite mulr_ge0_le0 // ltW.
Qed.
Theorem relu_le (lambda l u p : R) : l <= p <= u ->
  relu p <= lambda * p + Num.max (relu l - lambda * l) (relu u - lambda * u).
Proof.
move=> /andP[le_l le_u]; rewrite -ler_subl_addl le_maxr /relu.
case: (lerP 0 p) => p0; last first.
  case: (lerP 0 lambda) => lam.
    apply/orP; left; case: (lerP 0 l) => [l0 | l0]; first by have := le_lt_trans (le_trans l0 le_l) p0; rewrite ltxx.
    by rewrite ler_add2l ler_oppl opprK ler_wpmul2l.
  apply/orP; right; apply: le_trans (_ : 0 - lambda * u <= _); last by rewrite ler_add2r le_maxr lexx.
  by rewrite ler_add2l ler_oppl opprK ler_wnmul2l // ltW.
case: (lerP lambda 1) => lam.
  apply/orP; right; rewrite (max_idPr (le_trans p0 le_u)).
  have -> : p - lambda * p = (1 - lambda) * p by ring.
  have -> : u - lambda * u = (1 - lambda) * u by ring.
  by rewrite ler_wpmul2l // subr_ge0.
apply/orP; left; apply: le_trans (_ : l - lambda * l <= _); last by rewrite ler_add2r le_maxr lexx orbT.
have -> : p - lambda * p = (1 - lambda) * p by ring.
have -> : l - lambda * l = (1 - lambda) * l by ring.
by rewrite ler_wnmul2l // subr_le0 ltW.
Qed.
End ReLU.
