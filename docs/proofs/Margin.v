(** docs/readings.md: Theorem S for claims about a margin delta; delta = 0 is the plain one. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Proofcheck Require Import Semantics Separability.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Margin.
Variables (R : realFieldType) (e : exponential R) (root : R) (n' d' : nat) (t : tables R n' d') (delta : R).
Implicit Types (x : input n' d') (q m j k : 'I_d'.+1) (i : 'I_n'.+1).

(** Right with margin delta: the largest token's logit is more than delta above every other. *)
Definition mcorrect x : bool :=
  [forall j, (j != maximum x) ==> (delta < tlogit e root t x (maximum x) - tlogit e root t x j)].

(** delta is taken off the answer's logit term, in every position. *)
Definition mterm q m j i k : R := weight e root t q i k * (value t q i k m - delta - value t q i k j).

Theorem margin_separability x :
  mcorrect x = [forall j, (j != maximum x) ==> (0 < \sum_i mterm (query x) (maximum x) j i (x i))].
Proof.
apply: eq_forallb => j; congr (_ ==> _).
set a := tlogit e root t x (maximum x); set b := tlogit e root t x j.
have -> : (delta < a - b) = (0 < (a - b - delta) * (\sum_i weight e root t (query x) i (x i))).
  by rewrite (pmulr_lgt0 _ (total_gt0 e root t x)) subr_gt0.
rewrite !mulrBl /a /b !tlogit_mean mulr_sumr -!sumrB; congr (0 < _); apply: eq_bigr => i _.
by rewrite /mterm !mulrBr addrAC [delta * _]mulrC.
Qed.
End Margin.
