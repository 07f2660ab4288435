(** docs/rules/qk-error.md: from the row ranges of a remainder to the fact ScoreApproximation. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Proofcheck Require Import Semantics Separability PathExpansion RowRange LowRank Spectral Elimination.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section QkError.
Variables (R : realFieldType) (n' d' D H : nat) (w : weights R n' d' D H).

Definition score_approximation (E S : 'M[R]_d'.+1) (error : 'I_d'.+1 -> R) : Prop :=
  forall q i j : 'I_d'.+1, `|(E q i - S q i) - (E q j - S q j)| <= error q.

(** A constant in each row (kappa) changes nothing. *)
Theorem remainder_approximation (E S F N : 'M[R]_d'.+1) (kappa : 'cV[R]_d'.+1) error :
  E = F + kappa *m const_mx 1 -> F = S + N -> (forall q, range_le (row q N) (error q)) -> score_approximation E S error.
Proof.
move=> eE eF le_N q i j; rewrite eF in eE.
have diff k : E q k - S q k = N q k + kappa q 0 by rewrite eE !mxE big_ord1 mxE mulr1 addrAC (addrAC (S q k)) subrr add0r.
rewrite !diff opprD addrACA subrr addr0.
by have := range_leP (le_N q) i j; rewrite !mxE.
Qed.

(** qk-error-exact-EQKE+max-diff-exact. *)
Theorem exact_approximation (E : 'M[R]_d'.+1) : score_approximation E E (fun=> 0).
Proof. by move=> q i j; rewrite !subrr normr0. Qed.

(** Equation (1): EQKE up to a constant in each row, with K = W_E plus any one row. *)
Definition E_queries : 'M[R]_(d'.+1, D) := W_E w + each (row ord_max (W_pos w)).
Theorem eqke_shift (p : 'rV[R]_D) : let K := W_E w + each p in
  EQKE (expand w) = E_queries *m (W_Q w *m (W_K w)^T) *m K^T + each (b_Q w *m (W_K w)^T *m K^T)
    + ((E_queries *m W_Q w + each (b_Q w)) *m (b_K w - p *m W_K w)^T) *m const_mx 1.
Proof.
move=> K; set Q := E_queries *m W_Q w + each (b_Q w); apply/row_matrixP => q.
have shift : W_E w *m W_K w + each (b_K w) = K *m W_K w + each (b_K w - p *m W_K w).
  by apply/row_matrixP => k; rewrite !rowD !row_mul !rowD !rowK mulmxDl -addrA [p *m _ + _]addrC subrK.
have -> : EQKE (expand w) = Q *m (K *m W_K w + each (b_K w - p *m W_K w))^T by rewrite -shift.
have -> : (K *m W_K w + each (b_K w - p *m W_K w))^T = (W_K w)^T *m K^T + (b_K w - p *m W_K w)^T *m const_mx 1.
  rewrite [LHS]trD trmx_mul; congr (_ + _); apply/matrixP => i j.
  by rewrite !mxE big_ord1 !mxE mulr1.
rewrite mulmxDr mulmxA [X in _ + X]mulmxA 2!rowD; congr (row q _ + _).
by rewrite [_ *m (W_K w)^T]mulmxDl mulmxDl !mulmxA; congr (_ + _); apply/row_matrixP => k; rewrite !row_mul !rowK.
Qed.

(** Split by two vectors: `svd`, `max-diff`, `mean+max-diff`, `max-diff-exact`. bias is the second term of (1). *)
Theorem two_vectors (p : 'rV[R]_D) (u v : 'cV[R]_d'.+1) error :
  let K := W_E w + each p in
  let A := E_queries *m (W_Q w *m (W_K w)^T) in let B := K^T in
  let Ar := A - u *m (u^T *m A) in let Br := B - (B *m v) *m v^T in
  (forall q, range_le (row q (Ar *m Br)) (error q)) ->
  score_approximation (EQKE (expand w)) (u *m (u^T *m A *m B) + (Ar *m B *m v) *m v^T + each (b_Q w *m (W_K w)^T *m K^T)) error.
Proof.
move=> K A B Ar Br le_N; apply: remainder_approximation (eqke_shift p) _ le_N; rewrite -/K -/A -/B.
by rewrite (split_two A B u v) -/Ar -/Br [LHS]addrAC.
Qed.

(** Split by six: the `subproduct` rules. *)
Theorem six_vectors (p : 'rV[R]_D) (u1 u2 v1 v2 : 'cV[R]_d'.+1) (wq wk : 'cV[R]_D) error :
  let K := W_E w + each p in let E := E_queries in let X := W_Q w *m (W_K w)^T in
  let a := u1^T *m E in let E1 := E - u1 *m a in let a2 := u2^T *m E1 in let E2 := E1 - u2 *m a2 in
  let b := v1^T *m K in let K1 := K - v1 *m b in let b2 := v2^T *m K1 in let K2 := K1 - v2 *m b2 in
  let c := wq^T *m W_Q w in let Q' := W_Q w - wq *m c in let f := wk^T *m W_K w in let K' := W_K w - wk *m f in
  (forall q, range_le (row q (E2 *m Q' *m K'^T *m K2^T)) (error q)) ->
  score_approximation (EQKE (expand w))
    (u1 *m (a *m X *m K^T) + (E1 *m X *m b^T) *m v1^T + u2 *m (a2 *m X *m K1^T) + (E2 *m X *m b2^T) *m v2^T
     + (E2 *m wq) *m (c *m (W_K w)^T *m K2^T) + (E2 *m Q' *m f^T) *m (wk^T *m K2^T) + each (b_Q w *m (W_K w)^T *m K^T)) error.
Proof.
move=> K E X a E1 a2 E2 b K1 b2 K2 c Q' f K' le_N; apply: remainder_approximation (eqke_shift p) _ le_N; rewrite -/K -/E -/X.
rewrite (split_six E K (W_Q w) (W_K w) u1 u2 v1 v2 wq wk) -/X -/a -/E1 -/a2 -/E2 -/b -/K1 -/b2 -/K2 -/c -/Q' -/f -/K'.
by rewrite [LHS]addrAC.
Qed.

(** qk-error-svd: tau bounds the spectral norm of the remainder, error^2 >= 2 tau^2. *)
Theorem svd_range (m k : nat) (N : 'M[R]_(m, k)) (tau error : R) :
  (forall u : 'rV[R]_m, nsq (u *m N) <= tau ^+ 2 * nsq u) -> 0 <= error -> 2%:R * tau ^+ 2 <= error ^+ 2 ->
  forall q, range_le (row q N) error.
Proof.
move=> norm error_ge0 le_error q i j; apply: le_trans (ler_norm _) _.
rewrite -(ler_pexpn2r (n := 2)) // ?nnegrE // real_normK ?num_real //.
apply: le_trans (diff_sq _ i j) (le_trans _ le_error).
rewrite ler_pmul2l ?ltr0n //; have := norm (delta_mx 0 q); rewrite -rowE => /le_trans; apply.
rewrite (_ : nsq (delta_mx 0 q) = 1) ?mulr1 // /nsq dotE (bigD1 q) //= big1 => [|l lq].
  by rewrite mxE !eqxx mulr1 addr0.
by rewrite mxE (negbTE lq) andbF mul0r.
Qed.

(** The same with the two eliminations that the checker runs. *)
Theorem svd_elimination (m D0 k : nat) (A : 'M[R]_(m, D0)) (B : 'M[R]_(D0, k)) (T T' : 'M[R]_D0) (Delta Delta' : 'rV[R]_D0) (delta tau error : R) :
  0 <= delta -> eliminates (B *m B^T + delta%:M) T Delta ->
  eliminates (tau ^+ 2 *: diag_mx Delta - T^T *m (A^T *m A) *m T) T' Delta' ->
  0 <= error -> 2%:R * tau ^+ 2 <= error ^+ 2 -> forall q, range_le (row q (A *m B)) error.
Proof.
by move=> delta_ge0 elimB elimA; apply: svd_range; exact: norm_by_elimination delta_ge0 elimB elimA.
Qed.
End QkError.
