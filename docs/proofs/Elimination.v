(** qk-error.md, "Elimination": a positive pivot and a positive definite Schur complement make a symmetric matrix positive definite. *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From Proofcheck Require Import Spectral.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Elimination.
Variable R : realFieldType.
Definition form n (M : 'M[R]_n) (z : 'rV[R]_n) : R := (z *m M *m z^T) 0 0.
Definition psd n (M : 'M[R]_n) : Prop := forall z, 0 <= form M z.

Lemma dotC n (u v : 'rV[R]_n) : dot u v = dot v u.
Proof. by rewrite !dotE; apply: eq_bigr => i _; rewrite mulrC. Qed.
Lemma form_rank1 n (c y : 'rV[R]_n) : form (c^T *m c) y = dot y c ^+ 2.
Proof. by rewrite /form !mulmxA -mulmxA mxE big_ord1 expr2 {1}/dot [in RHS]dotC. Qed.
Lemma formB n (E F : 'M[R]_n) (k : R) y : form (E - k *: F) y = form E y - k * form F y.
Proof. by rewrite /form mulmxBr mulmxBl -scalemxAr -scalemxAl !mxE. Qed.

Lemma schur_psd n (p : R) (c : 'rV[R]_n) (E : 'M[R]_n) :
  0 < p -> psd (E - p^-1 *: (c^T *m c)) -> psd (block_mx p%:M c c^T E).
Proof.
move=> p_gt0 S_psd z; rewrite -[z]hsubmxK; set a := lsubmx z; set y := rsubmx z.
have -> : form (block_mx p%:M c c^T E) (row_mx a y) = p * (a 0 0 + p^-1 * dot y c) ^+ 2 + form (E - p^-1 *: (c^T *m c)) y.
  rewrite formB form_rank1 /form [a]mx11_scalar mul_row_block tr_row_mx mul_row_col tr_scalar_mx !mulmxDl.
  set al := a 0 0; rewrite -!scalar_mxM !mul_scalar_mx !mul_mx_scalar -scalemxAl.
  have e3 : (al *: (c *m y^T)) 0 0 = al * dot y c by rewrite mxE -/(dot c y) dotC.
  have e2 : (al *: (y *m c^T)) 0 0 = al * dot y c by rewrite mxE.
  have at00 (A B : 'M[R]_1) : (A + B) 0 0 = A 0 0 + B 0 0 by rewrite mxE.
  rewrite !at00 e3 e2 mxE eqxx mulr1n; move: (al) (dot y c) ((y *m E *m y^T) 0 0) => r w f.
  have pp : p * p^-1 = 1 by rewrite divff // gt_eqF.
  have -> : (r%:M : 'M[R]_1) 0 0 = r by rewrite mxE eqxx mulr1n.
  have -> : p * (r + p^-1 * w) ^+ 2 + (f - p^-1 * w ^+ 2) = p * r ^+ 2 + (p * p^-1) * (2%:R * r * w + p^-1 * w ^+ 2) + (f - p^-1 * w ^+ 2) by ring.
  rewrite pp; ring.
rewrite addr_ge0 ?S_psd // mulr_ge0 ?sqr_ge0 // ltW //.
Qed.

(** Elimination without exchanges: M, the columns T of its Schur complements, its pivots Delta, all of them positive. *)
Inductive eliminates : forall n, 'M[R]_n -> 'M[R]_n -> 'rV[R]_n -> Prop :=
  | no_rows : @eliminates 0 0 0 0
  | pivot n p (c : 'rV[R]_n) (E T : 'M[R]_n) (Delta : 'rV[R]_n) :
      0 < p -> eliminates (E - p^-1 *: (c^T *m c)) T Delta ->
      @eliminates (1 + n) (block_mx p%:M c c^T E) (block_mx p%:M 0 c^T T) (row_mx p%:M Delta).

Theorem elimination n (M T : 'M[R]_n) (Delta : 'rV[R]_n) : eliminates M T Delta ->
  [/\ psd M, forall i, 0 < Delta 0 i & M = T *m diag_mx (\row_i (Delta 0 i)^-1) *m T^T].
Proof.
elim=> {n M T Delta} [|n p c E T Delta p_gt0 _ [S_psd Delta_gt0 fact]].
  by split=> [z|[]//|]; [rewrite /form mulmx0 mul0mx mxE | apply/matrixP => [[]]].
split; first exact: schur_psd.
  move=> i; case: (split_ordP i) => [j ->|j ->]; rewrite ?row_mxEl ?row_mxEr //.
  by rewrite ord1 mxE eqxx mulr1n.
have -> : (\row_i ((row_mx p%:M Delta : 'rV[R]_(1 + n)) 0 i)^-1) = row_mx (p^-1)%:M (\row_i (Delta 0 i)^-1).
  apply/rowP => i; case: (split_ordP i) => [j ->|j ->]; rewrite mxE ?row_mxEl ?row_mxEr ?mxE //.
  by rewrite ord1 !eqxx !mulr1n.
have -> : diag_mx (row_mx (p^-1)%:M (\row_i (Delta 0 i)^-1)) = block_mx (p^-1)%:M 0 0 (diag_mx (\row_i (Delta 0 i)^-1)).
  rewrite diag_mx_row; congr block_mx; apply/matrixP => i j; rewrite !ord1 !mxE !eqxx !mulr1n //.
rewrite tr_block_mx !mulmx_block !(mul0mx, mulmx0, addr0, add0r, trmx0) tr_scalar_mx trmxK.
have pp : p * p^-1 = 1 by rewrite divff // gt_eqF.
rewrite -!scalar_mxM pp mul1r mul1mx !mul_mx_scalar scalerA pp scale1r -scalemxAl -fact; congr block_mx.
by rewrite addrC subrK.
Qed.

(** Lemma 4 with its two eliminations: tau^2 bounds the square of the norm of A_r B_r. *)
Theorem norm_by_elimination (d D k : nat) (A : 'M[R]_(d, D)) (B : 'M[R]_(D, k)) (T T' : 'M[R]_D) (Delta Delta' : 'rV[R]_D) (delta tau : R) :
  0 <= delta -> eliminates (B *m B^T + delta%:M) T Delta ->
  eliminates (tau ^+ 2 *: diag_mx Delta - T^T *m (A^T *m A) *m T) T' Delta' ->
  forall u : 'rV[R]_d, nsq (u *m (A *m B)) <= tau ^+ 2 * nsq u.
Proof.
move=> delta_ge0 /elimination[_ Delta_gt0 fact] /elimination[psd_tau _ _] u; rewrite mulmxA.
by apply: (lemma4 Delta_gt0 delta_ge0 (sqr_ge0 tau) fact).
Qed.
End Elimination.
