(** docs/rules/path-expansion.md: a network is its tables. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Proofcheck Require Import Semantics Separability.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** The formulas of path-expansion.md. [each b] has the row b everywhere. *)
Notation each b := (\matrix_(_ < _) b).
Definition expand (R : realFieldType) n' d' D H (w : weights R n' d' D H) : tables R n' d' :=
  let L := W_E w + each (row ord_max (W_pos w)) in
  let Q := L *m W_Q w + each (b_Q w) in
  Tables
    ((L + each (b_O w)) *m W_U w + each (b_U w))
    ((W_E w *m W_V w + each (b_V w)) *m W_O w *m W_U w)
    (W_pos w *m W_V w *m W_O w *m W_U w)
    (Q *m (W_E w *m W_K w + each (b_K w))^T)
    (Q *m (W_pos w *m W_K w)^T).

(** Path expansion: the network is its tables. *)
Section Expansion.
Variables (R : realFieldType) (e : exponential R) (root : R) (n' d' D H : nat) (w : weights R n' d' D H).
Implicit Type x : input n' d'.
Let T := expand w.

Lemma mul_tr_row m p k (A : 'M[R]_(m, p)) (B : 'M[R]_(k, p)) i j : (A *m B^T) i j = (row i A *m (row j B)^T) 0 0.
Proof. by rewrite !mxE; apply: eq_bigr => h _; rewrite !mxE. Qed.
Lemma entry_row m k (A : 'M[R]_(m, k)) i j : A i j = row i A 0 j. Proof. by rewrite mxE. Qed.

Lemma rowD m k (A B : 'M[R]_(m, k)) i : row i (A + B) = row i A + row i B.
Proof. by apply/rowP => j; rewrite !mxE. Qed.
Lemma trD m k (A B : 'M[R]_(m, k)) : (A + B)^T = A^T + B^T.
Proof. by apply/matrixP => i j; rewrite !mxE. Qed.
Lemma at00D (A B : 'M[R]_1) : (A + B) 0 0 = A 0 0 + B 0 0.
Proof. by rewrite mxE. Qed.

Lemma row_L (q : 'I_d'.+1) x : query x = q -> row q (W_E w + each (row ord_max (W_pos w))) = residual w x ord_max.
Proof. by move=> <-; rewrite rowD rowK. Qed.

Theorem score_expand x i : score root w x i = (EQKE T (query x) (x i) + EQKP T (query x) i) / root.
Proof.
rewrite /score; congr (_ / _); rewrite [EQKE _ _ _]mul_tr_row [EQKP _ _ _]mul_tr_row /= !rowD !row_mul !rowD !rowK -/(residual w x ord_max).
by rewrite -at00D -mulmxDr -trD /residual [_ *m W_K w]mulmxDl addrAC.
Qed.

Lemma attention_expand x i : attention e root w x i = tattention e root T x i.
Proof.
rewrite /attention /tattention /weight score_expand; congr (_ / _).
by apply: eq_bigr => k _; rewrite score_expand.
Qed.

Theorem logit_expand x o : logit e root w x 0 o = tlogit e root T x o.
Proof.
rewrite /tlogit; have ->: EUPU T (query x) o = ((residual w x ord_max + b_O w) *m W_U w + b_U w) 0 o.
  by rewrite entry_row /= rowD row_mul !rowD !rowK.
have V i : EVOU T (x i) o + PVOU T i o = ((residual w x i *m W_V w + b_V w) *m W_O w *m W_U w) 0 o.
  rewrite [EVOU _ _ _]entry_row [PVOU _ _ _]entry_row /= !row_mul rowD !row_mul rowK.
  by rewrite /residual [(_ + row i _) *m _]mulmxDl addrAC [in RHS]mulmxDl [in RHS]mulmxDl [RHS]mxE.
under eq_bigr do rewrite V -attention_expand.
rewrite /logit (addrAC _ _ (b_O w)) mulmxDl (addrAC _ _ (b_U w)) [LHS]mxE; congr (_ + _).
rewrite mulmx_suml summxE; apply: eq_bigr => i _.
by rewrite -scalemxAl [LHS]mxE.
Qed.

Theorem correct_expand x : correct e root w x = tcorrect e root T x.
Proof. by apply: eq_forallb => j; rewrite !logit_expand. Qed.
End Expansion.
