(** The bound of a node of a rival tree: rivals U_j of a node by a basis B that need not be orthonormal, with the term that pays for it. *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From Proofcheck Require Import Spectral Windows.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section RivalTree.
Variables (R : realFieldType) (D K : nat) (B : 'M[R]_(D, K)).

Lemma dotDl n (g g' x : 'rV[R]_n) : dot (g + g') x = dot g x + dot g' x.
Proof. by rewrite /dot mulmxDl mxE. Qed.
Lemma dotBl n (g g' x : 'rV[R]_n) : dot (g - g') x = dot g x - dot g' x.
Proof. by rewrite /dot mulmxBl !mxE. Qed.
Lemma dotBr n (g x x' : 'rV[R]_n) : dot g (x - x') = dot g x - dot g x'.
Proof. by rewrite !dotE -sumrB; apply: eq_bigr => i _; rewrite !mxE mulrBr. Qed.
Lemma dot_mulr n m (g : 'rV[R]_m) (x : 'rV[R]_n) (M : 'M[R]_(m, n)) : dot (g *m M) x = dot g (x *m M^T).
Proof. by rewrite /dot trmx_mul trmxK mulmxA. Qed.

(** A rival U and its coordinates U *m B; a value vector A and its coordinates A *m B. *)
Lemma node_split (A U : 'rV[R]_D) :
  dot A U = dot (A *m B) (U *m B) + dot (A - A *m B *m B^T) (U - U *m B *m B^T) + dot (A *m B *m (1%:M - B^T *m B)) (U *m B).
Proof.
rewrite dotBl !dotBr mulmxBr mulmx1 dotBl.
have -> : dot A (U *m B *m B^T) = dot (A *m B) (U *m B) by rewrite [RHS]dot_mulr.
have -> : dot (A *m B *m B^T) U = dot (A *m B) (U *m B) by rewrite [LHS]dot_mulr trmxK.
have -> : dot (A *m B *m B^T) (U *m B *m B^T) = dot (A *m B *m (B^T *m B)) (U *m B) by rewrite mulmxA [RHS]dot_mulr.
by move: (dot A U) (dot (A *m B) (U *m B)) (dot _ _) => a b c; ring.
Qed.

(** eta bounds the operator norm of I - B^T B (its Frobenius norm will do: frobenius_norm). *)
Definition operator_le (M : 'M[R]_K) (eta : R) : Prop := forall y : 'rV[R]_K, nsq (y *m M) <= eta ^+ 2 * nsq y.

Theorem node_bound (A U : 'rV[R]_D) (lo hi : 'I_K -> R) (eta res a far u : R) :
  0 <= eta -> 0 <= res -> 0 <= a -> 0 <= far -> 0 <= u -> operator_le (1%:M - B^T *m B) eta ->
  (forall k, lo k <= (U *m B) 0 k <= hi k) -> nsq (A - A *m B *m B^T) <= res ^+ 2 -> nsq (A *m B) <= a ^+ 2 ->
  nsq (U - U *m B *m B^T) <= far ^+ 2 -> nsq (U *m B) <= u ^+ 2 ->
  dot A U <= \sum_k (A *m B) 0 k * (if 0 < (A *m B) 0 k then hi k else lo k) + res * far + eta * a * u.
Proof.
move=> eta_ge0 res_ge0 a_ge0 far_ge0 u_ge0 norm box le_res le_a le_far le_u; rewrite node_split.
apply: ler_add; last first.
  apply: dot_le => //; rewrite ?mulr_ge0 // exprMn; apply: le_trans (norm _) _.
  by rewrite ler_wpmul2l ?sqr_ge0.
apply: ler_add; last exact: dot_le.
rewrite dotE; apply: ler_sum => k _; have /andP[ge_lo le_hi] := box k.
case: ltP => [pos | neg]; [by rewrite ler_wpmul2l // ltW | by rewrite ler_wnmul2l].
Qed.

(** The residual from norms alone. *)
Lemma nsqB n (g x : 'rV[R]_n) : nsq (g - x) = nsq g - 2%:R * dot g x + nsq x.
Proof.
rewrite /nsq !dotE !mulr_sumr -sumrB -big_split /=; apply: eq_bigr => i _; rewrite !mxE.
by move: (g 0 i) (x 0 i) => a b; ring.
Qed.
Theorem residual_bound (A : 'rV[R]_D) (eta : R) : 0 <= eta -> operator_le (1%:M - B^T *m B) eta ->
  nsq (A - A *m B *m B^T) <= nsq A - (1 - eta) * nsq (A *m B).
Proof.
move=> eta_ge0 norm; set y := A *m B; rewrite nsqB.
have -> : dot A (y *m B^T) = nsq y by rewrite /nsq [RHS]dot_mulr.
have -> : nsq (y *m B^T) = nsq y - dot (y *m (1%:M - B^T *m B)) y.
  rewrite mulmxBr mulmx1 dotBl [in RHS]/nsq opprB addrC subrK mulmxA [RHS]dot_mulr.
  by rewrite /nsq.
have le : - (eta * nsq y) <= dot (y *m (1%:M - B^T *m B)) y.
  rewrite ler_oppl; apply: le_trans (ler_norm _) _; rewrite normrN.
  rewrite -(ler_pexpn2r (n := 2)) // ?nnegrE ?mulr_ge0 ?nsq_ge0 // real_normK ?num_real //.
  apply: le_trans (cauchy_schwarz _ _) _; rewrite exprMn [nsq y ^+ 2]expr2 mulrA.
  by rewrite ler_wpmul2r ?nsq_ge0.
rewrite -subr_ge0; move: le; rewrite -subr_ge0; congr (0 <= _).
by move: (nsq A) (nsq y) (dot _ y) => a b c; ring.
Qed.

Theorem frobenius_norm (M : 'M[R]_K) (eta : R) : \sum_i \sum_j M i j ^+ 2 <= eta ^+ 2 -> operator_le M eta.
Proof.
move=> le y; apply: le_trans (_ : (\sum_i \sum_j M i j ^+ 2) * nsq y <= _); last by rewrite ler_wpmul2r ?nsq_ge0.
rewrite exchange_big mulr_suml {1}/nsq dotE; apply: ler_sum => j _; rewrite -expr2.
have -> : (y *m M) 0 j = dot y (row j M^T) by rewrite mxE dotE; apply: eq_bigr => i _; rewrite !mxE.
apply: le_trans (cauchy_schwarz _ _) _; rewrite mulrC ler_wpmul2r ?nsq_ge0 // /nsq dotE.
by rewrite le_eqVlt; apply/orP; left; apply/eqP; apply: eq_bigr => i _; rewrite !mxE expr2.
Qed.
End RivalTree.
