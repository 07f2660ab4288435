(** docs/rules/separability.md: the tables of a model, its margin terms, and Theorem S. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Proofcheck Require Import Semantics.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Record tables (R : realFieldType) (n' d' : nat) := Tables
  { EUPU : 'M[R]_d'.+1; EVOU : 'M[R]_d'.+1; PVOU : 'M[R]_(n'.+1, d'.+1);
    EQKE : 'M[R]_d'.+1; EQKP : 'M[R]_(d'.+1, n'.+1) }.

Section Tables.
Variables (R : realFieldType) (e : exponential R) (root : R) (n' d' : nat) (t : tables R n' d').
Implicit Types (x : input n' d') (q m j k o : 'I_d'.+1) (i : 'I_n'.+1).

(** w_{q,i}(k), V_{q,i}(k)[o] and f_i^{q,m,j}(k) of separability.md. *)
Definition weight q i k : R := e ((EQKE t q k + EQKP t q i) / root).
Definition value q i k o : R := EVOU t k o + PVOU t i o + EUPU t q o.
Definition term q m j i k : R := weight q i k * (value q i k m - value q i k j).

Definition tattention x i : R := weight (query x) i (x i) / \sum_p weight (query x) p (x p).
Definition tlogit x o : R := EUPU t (query x) o + \sum_i tattention x i * (EVOU t (x i) o + PVOU t i o).
Definition tcorrect x : bool := [forall j, (j != maximum x) ==> (tlogit x j < tlogit x (maximum x))].

Lemma weight_gt0 q i k : 0 < weight q i k. Proof. exact: ex_gt0. Qed.
Lemma total_gt0 x : 0 < \sum_i weight (query x) i (x i).
Proof.
by rewrite (bigD1 ord_max) //= ltr_paddr ?weight_gt0 // sumr_ge0 // => i _; exact/ltW/weight_gt0.
Qed.

Lemma tlogit_mean x o :
  tlogit x o * (\sum_i weight (query x) i (x i)) = \sum_i weight (query x) i (x i) * value (query x) i (x i) o.
Proof.
rewrite /tlogit mulrDl mulr_suml [X in _ + X](eq_bigr (fun i => weight (query x) i (x i) * (EVOU t (x i) o + PVOU t i o))); last first.
  by move=> i _; rewrite /tattention mulrAC divfK // gt_eqF // total_gt0.
by rewrite mulr_sumr -big_split; apply: eq_bigr => i _; rewrite /= mulrC -mulrDr /value addrC.
Qed.

(** Theorem S. *)
Theorem separability x : tcorrect x = [forall j, (j != maximum x) ==> (0 < \sum_i term (query x) (maximum x) j i (x i))].
Proof.
apply: eq_forallb => j; congr (_ ==> _).
rewrite -[LHS](ltr_pmul2r (total_gt0 x)) !tlogit_mean -subr_gt0 -sumrB.
by congr (0 < _); apply: eq_bigr => i _; rewrite /term mulrBr.
Qed.
End Tables.
