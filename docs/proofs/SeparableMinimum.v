(** docs/rules/separable-minimum.md: fine and coarse bound, and what they prove about a block. *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From Proofcheck Require Import Semantics Separability Blocks.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Minimum.
Variables (R : realFieldType) (n' d' : nat).
Implicit Types (x : input n' d') (q m : 'I_d'.+1) (f : 'I_n'.+1 -> 'I_d'.+1 -> R).

(** A block's sequence has tokens <= m, and m somewhere before the last position if q < m. *)
Lemma block_le q m x i : x \in block q m -> (x i <= m)%N.
Proof. by rewrite inE => /andP[_ /eqP <-]; exact: le_maximum. Qed.
Lemma block_max q m x : x \in block q m -> (q < m)%N -> exists2 k, k != ord_max & x k = m.
Proof.
rewrite inE => /andP[/eqP qx /eqP max_x] lt_qm; have [k xk] := maximum_attained x.
exists k; last by rewrite xk.
by apply: contraTneq lt_qm => ek; rewrite -qx /query -ek xk max_x ltnn.
Qed.

(** Theorem (fine bound); mu and delta need only be lower bounds, as the minima are. *)
Theorem fine_bound f (mu : 'I_n'.+1 -> R) (delta : R) q m x :
  (forall i (t : 'I_d'.+1), i != ord_max -> (t <= m)%N -> mu i <= f i t) ->
  (forall i, i != ord_max -> delta <= f i m - mu i) ->
  0 < f ord_max q + \sum_(i | i != ord_max) mu i + (if (q < m)%N then delta else 0) ->
  x \in block q m -> 0 < \sum_i f i (x i).
Proof.
move=> le_mu le_delta S_gt0 xB; apply: lt_le_trans S_gt0 _.
have qx: x ord_max = q by move: xB; rewrite inE => /andP[/eqP].
rewrite [leRHS](bigD1 ord_max) //= qx -addrA ler_add2l.
case: ifP => [lt_qm | _]; last first.
  by rewrite addr0; apply: ler_sum => i ni; apply: le_mu => //; exact: block_le xB.
have [k nk xk] := block_max xB lt_qm.
rewrite (bigD1 k) //= [leRHS](bigD1 k) //= xk addrAC; apply: ler_add.
  by rewrite -ler_subr_addl le_delta.
by apply: ler_sum => i /andP[ni _]; apply: le_mu => //; exact: block_le xB.
Qed.

(** Theorem (coarse bound). *)
Theorem coarse_bound (u : 'I_n'.+1 -> R) (v a : 'I_d'.+1 -> R) (p : 'I_n'.+1 -> R) (c rho scale nu umin : R) (L : 'I_d'.+1 -> R) q m x :
  (forall i, 0 < u i) -> (forall t, 0 < v t) -> 0 < scale ->
  (forall i, rho <= p i) ->
  (forall t : 'I_d'.+1, (t <= m)%N -> L t <= scale * (v t * (a t + rho + c))) ->
  (forall t : 'I_d'.+1, (t <= m)%N -> nu <= L t) ->
  (forall i, i != ord_max -> umin <= u i) ->
  (q <= m)%N ->
  0 < u ord_max * L q + (\sum_(i | i != ord_max) u i) * nu + (if (q < m)%N then umin * (L m - nu) else 0) ->
  x \in block q m -> 0 < \sum_i u i * v (x i) * (a (x i) + p i + c).
Proof.
move=> u_gt0 v_gt0 s_gt0 le_p le_L le_nu le_u le_qm C_gt0 xB.
rewrite -(pmulr_rgt0 _ s_gt0) mulr_sumr; apply: lt_le_trans (_ : 0 < \sum_i u i * L (x i)) _.
  apply: (@fine_bound (fun i t => u i * L t) (fun i => u i * nu) (umin * (L m - nu)) q m) => //.
  - by move=> i t _ le_t; rewrite ler_pmul2l ?le_nu.
  - by move=> i ni; rewrite -mulrBr ler_wpmul2r ?subr_ge0 ?le_nu ?le_u.
  - by rewrite -mulr_suml.
apply: ler_sum => i _; have xi : (x i <= m)%N by exact: block_le xB.
apply: le_trans (_ : u i * (scale * (v (x i) * (a (x i) + rho + c))) <= _); first by rewrite ler_pmul2l ?le_L.
have ->: scale * (u i * v (x i) * (a (x i) + p i + c)) = u i * (scale * (v (x i) * (a (x i) + p i + c))) by ring.
by rewrite !ler_pmul2l // ler_add2r ler_add2l.
Qed.
End Minimum.

(** The rule: a block all of whose rivals are beaten, by one bound or the other, is correct as a whole. *)
Section Rule.
Variables (R : realFieldType) (e : exponential R) (root : R) (n' d' : nat) (t : tables R n' d').
Implicit Types (x : input n' d') (q m j k : 'I_d'.+1) (i : 'I_n'.+1).

Definition beaten q m j : Prop := forall x : input n' d', x \in block q m -> 0 < \sum_i term e root t q m j i (x i).

Theorem fine_beats q m j (mu : 'I_n'.+1 -> R) (delta : R) :
  (forall i k, i != ord_max -> (k <= m)%N -> mu i <= term e root t q m j i k) ->
  (forall i, i != ord_max -> delta <= term e root t q m j i m - mu i) ->
  0 < term e root t q m j ord_max q + \sum_(i | i != ord_max) mu i + (if (q < m)%N then delta else 0) -> beaten q m j.
Proof. by move=> le_mu le_delta S_gt0 x xB; exact: fine_bound le_mu le_delta S_gt0 xB. Qed.

(** u, v: the factors of the weights, exp(EQKP / root) and exp(EQKE / root), or positive multiples of them. *)
Theorem coarse_beats q m j (u : 'I_n'.+1 -> R) (v : 'I_d'.+1 -> R) (rho scale nu umin : R) (L : 'I_d'.+1 -> R) :
  (forall i, 0 < u i) -> (forall k, 0 < v k) -> 0 < scale -> (exists2 c : R, 0 < c & forall i k, weight e root t q i k = c * (u i * v k)) ->
  (forall i, rho <= PVOU t i m - PVOU t i j) ->
  (forall k, (k <= m)%N -> L k <= scale * (v k * ((EVOU t k m - EVOU t k j) + rho + (EUPU t q m - EUPU t q j)))) ->
  (forall k, (k <= m)%N -> nu <= L k) -> (forall i, i != ord_max -> umin <= u i) -> (q <= m)%N ->
  0 < u ord_max * L q + (\sum_(i | i != ord_max) u i) * nu + (if (q < m)%N then umin * (L m - nu) else 0) -> beaten q m j.
Proof.
move=> u_gt0 v_gt0 s_gt0 [c c_gt0 factors] le_rho le_L le_nu le_u le_qm C_gt0 x xB.
have := coarse_bound u_gt0 v_gt0 s_gt0 le_rho le_L le_nu le_u le_qm C_gt0 xB; rewrite -(pmulr_rgt0 _ c_gt0) mulr_sumr.
by congr (0 < _); apply: eq_bigr => i _; rewrite /term /value factors; ring.
Qed.

Theorem separable_minimum q m : (q <= m)%N -> (forall j, j != m -> beaten q m j) ->
  (m.+1 ^ n' - (q < m) * m ^ n')%N = #|[set x in block q m | tcorrect e root t x]|.
Proof.
move=> le_qm beats; rewrite -(card_block n' le_qm) addnK; apply: eq_card => x; rewrite [RHS]inE.
case: (boolP (x \in block q m)) => //= xB; symmetry; rewrite separability.
have /andP[/eqP qx /eqP mx] : (query x == q) && (maximum x == m) by rewrite inE in xB.
by rewrite qx mx; apply/forall_inP => j jm; exact: beats.
Qed.
End Rule.
