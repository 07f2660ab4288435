(** docs/rules/direct-path.md: bounds on EUPU[q, x] - EUPU[q, m]. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Proofcheck Require Import Semantics Separability PathExpansion RowRange.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section DirectPath.
Variables (R : realFieldType) (n' d' D H : nat) (w : weights R n' d' D H).
Implicit Types q m x : 'I_d'.+1.

Definition direct_path_bound (M : 'rV[R]_d'.+1) (g : 'I_d'.+1 -> R) : Prop :=
  forall q m x, EUPU (expand w) q x - EUPU (expand w) q m <= (M 0 x - M 0 m) + g q.

(** direct-path-max-diff-exact, and with one g for all q direct-path-global-max-diff-exact. *)
Theorem direct_path_exact (g : 'I_d'.+1 -> R) :
  (forall q, range_le (row q (EUPU (expand w))) (g q)) -> direct_path_bound 0 g.
Proof. by move=> le_g q m x; rewrite !mxE subrr add0r; have := le_g q x m; rewrite !mxE. Qed.
Theorem direct_path_global_exact (hi lo : R) :
  (forall q x, lo <= EUPU (expand w) q x <= hi) -> direct_path_bound 0 (fun=> hi - lo).
Proof. by move=> in_lohi; apply: direct_path_exact => q i j; rewrite [_ 0 i]mxE [_ 0 j]mxE ler_sub //; have /andP[] := in_lohi q i; have /andP[] := in_lohi q j. Qed.

(** direct-path-max-diff (r = 0), -mean-query+max-diff (r a mean row), -svd-query+max-diff (r a direction): any row r. *)
Definition E_query q : 'rV[R]_D := row q (W_E w) + row ord_max (W_pos w).
Theorem direct_path (r : 'rV[R]_D) (range : 'I_D -> R) :
  (forall k, range_le (row k (W_U w)) (range k)) ->
  direct_path_bound ((r + b_O w) *m W_U w + b_U w) (fun q => \sum_k `|(E_query q - r) 0 k| * range k).
Proof.
move=> le_range q m x; set M := (r + _) *m _ + _.
have EM : row q (EUPU (expand w)) = M + (E_query q - r) *m W_U w.
  rewrite rowD row_mul !rowD !rowK -/(E_query q) /M addrAC -mulmxDl; congr (_ *m _ + _).
  by rewrite [RHS]addrC addrA subrK.
have E o : EUPU (expand w) q o = M 0 o + ((E_query q - r) *m W_U w) 0 o by rewrite entry_row EM mxE.
by rewrite !E opprD addrACA ler_add2l; exact: range_mul.
Qed.
End DirectPath.
