(** docs/rules/qk-error.md: the exact splits of the QK circuit. *)
From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** qk-error.md: the exact splits. *)
Section Splits.
Variables (R : comRingType) (d D H : nat).
Lemma trB m k (A B : 'M[R]_(m, k)) : (A - B)^T = A^T - B^T.
Proof. by apply/matrixP => i j; rewrite !mxE. Qed.
Theorem split_two (A : 'M[R]_(d, D)) (B : 'M[R]_(D, d)) (u v : 'cV[R]_d) :
  let Ar := A - u *m (u^T *m A) in let Br := B - (B *m v) *m v^T in
  A *m B = u *m (u^T *m A *m B) + (Ar *m B *m v) *m v^T + Ar *m Br.
Proof.
move=> Ar Br; have e1 : A *m B = u *m (u^T *m A *m B) + Ar *m B by rewrite /Ar mulmxBl !mulmxA addrC subrK.
have e2 : Ar *m B = (Ar *m B *m v) *m v^T + Ar *m Br by rewrite /Br mulmxBr !mulmxA addrC subrK.
by rewrite {1}e1 {1}e2 addrA.
Qed.
Theorem split_six (E K : 'M[R]_(d, D)) (WQ WK : 'M[R]_(D, H)) (u1 u2 v1 v2 : 'cV[R]_d) (w z : 'cV[R]_D) :
  let X := WQ *m WK^T in
  let a := u1^T *m E in let E1 := E - u1 *m a in let a2 := u2^T *m E1 in let E2 := E1 - u2 *m a2 in
  let b := v1^T *m K in let K1 := K - v1 *m b in let b2 := v2^T *m K1 in let K2 := K1 - v2 *m b2 in
  let c := w^T *m WQ in let Q' := WQ - w *m c in let f := z^T *m WK in let K' := WK - z *m f in
  E *m X *m K^T = u1 *m (a *m X *m K^T) + (E1 *m X *m b^T) *m v1^T + u2 *m (a2 *m X *m K1^T) + (E2 *m X *m b2^T) *m v2^T
    + (E2 *m w) *m (c *m WK^T *m K2^T) + (E2 *m Q' *m f^T) *m (z^T *m K2^T) + E2 *m Q' *m K'^T *m K2^T.
Proof.
move=> X a E1 a2 E2 b K1 b2 K2 c Q' f K'.
have eE : E = E1 + u1 *m a by rewrite /E1 subrK.
have eE1 : E1 = E2 + u2 *m a2 by rewrite /E2 subrK.
have eK : K^T = K1^T + b^T *m v1^T by rewrite -trmx_mul [K1^T]trB subrK.
have eK1 : K1^T = K2^T + b2^T *m v2^T by rewrite -trmx_mul [K2^T]trB subrK.
have eQ : WQ = Q' + w *m c by rewrite /Q' subrK.
have eW : WK^T = K'^T + f^T *m z^T by rewrite -trmx_mul [K'^T]trB subrK.
have s1 : E *m X *m K^T = u1 *m (a *m X *m K^T) + E1 *m X *m K^T by rewrite {1}eE !mulmxDl !mulmxA addrC.
have s2 : E1 *m X *m K^T = (E1 *m X *m b^T) *m v1^T + E1 *m X *m K1^T by rewrite eK mulmxDr !mulmxA addrC.
have s3 : E1 *m X *m K1^T = u2 *m (a2 *m X *m K1^T) + E2 *m X *m K1^T by rewrite {1}eE1 !mulmxDl !mulmxA addrC.
have s4 : E2 *m X *m K1^T = (E2 *m X *m b2^T) *m v2^T + E2 *m X *m K2^T by rewrite eK1 mulmxDr !mulmxA addrC.
have s5 : E2 *m X *m K2^T = (E2 *m w) *m (c *m WK^T *m K2^T) + E2 *m Q' *m WK^T *m K2^T.
  have -> : X = Q' *m WK^T + w *m (c *m WK^T) by rewrite /X {1}eQ mulmxDl !mulmxA.
  by rewrite mulmxDr mulmxDl !mulmxA addrC.
have s6 : E2 *m Q' *m WK^T *m K2^T = (E2 *m Q' *m f^T) *m (z^T *m K2^T) + E2 *m Q' *m K'^T *m K2^T.
  by rewrite eW mulmxDr mulmxDl !mulmxA addrC.
by rewrite s1 s2 s3 s4 s5 s6 !addrA.
Qed.
End Splits.
