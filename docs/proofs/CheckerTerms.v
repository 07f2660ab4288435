(** The third checker's integer terms: lower bounds of positive multiples of the margin terms, and how its integer sums become real sums. *)
From Coq Require Import ZArith Reals.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import Rstruct.
From Proofcheck Require Import Semantics Separability Blocks SeparableMinimum RealNumbers.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** Integers as reals. *)
Lemma IZR_add (a b : Z) : IZR (Z.add a b) = IZR a + IZR b :> R. Proof. exact: plus_IZR. Qed.
Lemma IZR_mul (a b : Z) : IZR (Z.mul a b) = IZR a * IZR b :> R. Proof. exact: mult_IZR. Qed.
Lemma IZR_sub (a b : Z) : IZR (Z.sub a b) = IZR a - IZR b :> R. Proof. exact: minus_IZR. Qed.
Lemma IZR_opp (a : Z) : IZR (Z.opp a) = - IZR a :> R. Proof. exact: opp_IZR. Qed.
Lemma IZR_leP (a b : Z) : Z.le a b -> IZR a <= IZR b :> R. Proof. by move=> le; apply/RleP; exact: IZR_le. Qed.
Lemma IZR_gt0 (a : Z) : Z.ltb Z0 a -> 0 < IZR a :> R. Proof. by move=> /Z.ltb_lt lt; apply/RltP; exact: (IZR_lt Z0). Qed.
Lemma IZR_ge0 (a : Z) : Z.leb Z0 a -> 0 <= IZR a :> R. Proof. by move=> /Z.leb_le le; apply/RleP; exact: (IZR_le Z0). Qed.
Lemma IZR_nat (k : nat) : IZR (Z.of_nat k) = k%:R :> R. Proof. by rewrite -INR_IZR_INZ INRE. Qed.

(** Sums and minima of the program. *)
Definition sum_z (f : nat -> Z) (n : nat) : Z := foldr (fun i acc => Z.add (f i) acc) Z0 (iota 0 n).
Definition least (f : nat -> Z) (m : nat) : Z := foldr (fun k acc => Z.min (f k) acc) (f 0%N) (iota 1 m).

Lemma IZR_sum (f : nat -> Z) n : IZR (sum_z f n) = \sum_(i < n) IZR (f i) :> R.
Proof.
rewrite -(big_mkord xpredT (fun i => IZR (f i))) /sum_z /index_iota subn0.
by elim: (iota 0 n) => [|i r IH] /=; rewrite ?big_nil // big_cons IZR_add IH.
Qed.
Lemma least_le (f : nat -> Z) m k : (k <= m)%N -> Z.le (least f m) (f k).
Proof.
have below r z : Z.le (foldr (fun k acc => Z.min (f k) acc) z r) z.
  by elim: r => [|a r IH] /=; [exact: Z.le_refl | exact: Z.le_trans (Z.le_min_r _ _) IH].
have mem r z : k \in r -> Z.le (foldr (fun k acc => Z.min (f k) acc) z r) (f k).
  elim: r => //= a r IH; rewrite inE => /orP[/eqP -> | /IH le]; first exact: Z.le_min_l.
  exact: Z.le_trans (Z.le_min_r _ _) le.
rewrite /least; case: k mem => [|k] mem le_k; first exact: below.
by apply: mem; rewrite mem_iota add1n ltnS.
Qed.
Lemma sum_before (A : zmodType) n' (F : 'I_n'.+1 -> A) :
  \sum_(i | i != ord_max) F i = \sum_(i < n') F (widen_ord (leqnSn n') i).
Proof.
rewrite big_mkcond big_ord_recr /= eqxx addr0; apply: eq_bigr => i _.
by rewrite -val_eqE /= ltn_eqF.
Qed.

Section Terms.
Variables (zU zE zP : nat -> nat -> Z) (lo hi : nat -> nat -> nat -> Z).

(** The difference of the values, and the lower end of its product with the weight. *)
Definition diff (q m j i k : nat) : Z :=
  Z.add (Z.add (Z.sub (zE k m) (zE k j)) (Z.sub (zP i m) (zP i j))) (Z.sub (zU q m) (zU q j)).
Definition lower (q m j i k : nat) : Z :=
  let d := diff q m j i k in if Z.leb Z0 d then Z.mul (lo q i k) d else Z.mul (hi q i k) d.

Variables (n' d' : nat) (root c : R) (t : tables R_realFieldType n' d') (scale : nat -> R).
Notation e := real_exponential.
Implicit Types (q m k j : 'I_d'.+1) (i : 'I_n'.+1).
Hypothesis c_gt0 : 0 < c.
Hypothesis tU : forall q o : 'I_d'.+1, EUPU t q o = c * IZR (zU q o).
Hypothesis tE : forall k o : 'I_d'.+1, EVOU t k o = c * IZR (zE k o).
Hypothesis tP : forall i (o : 'I_d'.+1), PVOU t i o = c * IZR (zP i o).
Hypothesis enclosed : forall q i k, IZR (lo q i k) <= scale q * weight e root t q i k <= IZR (hi q i k).

Lemma term_diff q m j i k : term e root t q m j i k = c * (weight e root t q i k * IZR (diff q m j i k)).
Proof.
rewrite /term /value !tU !tE !tP /diff !(IZR_add, IZR_sub) mulrCA; congr (_ * _).
by rewrite -!mulrDr -mulrBr !opprD [X in _ * X = _]addrACA [X in _ * (X + _) = _]addrACA.
Qed.

Theorem lower_le q m j i k : IZR (lower q m j i k) <= (scale q / c) * term e root t q m j i k.
Proof.
have /andP[le_lo le_hi] := enclosed q i k.
have -> : (scale q / c) * term e root t q m j i k = (scale q * weight e root t q i k) * IZR (diff q m j i k).
  by rewrite term_diff -mulrA mulKf ?gt_eqF // mulrA.
rewrite /lower; case: (Z.leb_spec Z0 (diff q m j i k)) => [/Z.leb_le ge0 | lt0]; rewrite IZR_mul.
  by rewrite ler_wpmul2r ?IZR_ge0.
by rewrite ler_wnmul2r //; apply/RleP/(IZR_le _ Z0); exact: Z.lt_le_incl.
Qed.
End Terms.
