(** The ordered field with an exponential is the real numbers of Coq's standard library. *)
From Coq Require Import Reals.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import Rstruct.
From Proofcheck Require Import Semantics Separability PathExpansion.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Lemma exp_gt0 (x : R) : 0 < exp x.
Proof. by apply/RltP; exact: exp_pos. Qed.
Lemma exp_le (x y : R) : x <= y -> exp x <= exp y.
Proof. by move=> /RleP[/exp_increasing|->] => [lt_xy|]; [apply/RleP/Rlt_le | exact/RleP/Rle_refl]. Qed.
Definition real_exponential : exponential R_realFieldType := Exponential exp_gt0 exp_plus exp_le.

Definition real_correct n' d' D H (w : weights R_realFieldType n' d' D H) := correct real_exponential (sqrt (INR H)) w.

Theorem real_separability n' d' D H (w : weights R_realFieldType n' d' D H) x :
  real_correct w x = [forall j, (j != maximum x) ==> (0 < \sum_i term real_exponential (sqrt (INR H)) (expand w) (query x) (maximum x) j i (x i))].
Proof. by rewrite /real_correct correct_expand separability. Qed.
