(** Windows below cubic cost: value windows (W1, W2), whole blocks (W3), counts (W4), exact windows, the half score table. *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From Proofcheck Require Import Semantics Separability Blocks SeparableMinimum SeparableCounting Spectral.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** W2 for one token of the window: M is at least its weight. *)
Theorem window_value_ge (R : realFieldType) (v M h lo z : R) :
  0 < v -> v <= M -> lo <= h -> Num.min 0 (z + lo) * M <= v * (h + z).
Proof.
move=> v_gt0 le_M le_h; have le_hz : z + lo <= h + z by rewrite addrC ler_add2r.
case: (lerP 0 (z + lo)) => [ge0 | lt0]; first by rewrite mul0r mulr_ge0 ?(ltW v_gt0) // (le_trans ge0).
apply: le_trans (_ : (z + lo) * v <= _); first by rewrite ler_wnmul2l // ltW.
by rewrite mulrC ler_pmul2l.
Qed.
Theorem window_value_le (R : realFieldType) (v M h hi z : R) :
  0 < v -> v <= M -> h <= hi -> v * (h + z) <= Num.max 0 (z + hi) * M.
Proof.
move=> v_gt0 le_M le_h; have le_hz : h + z <= z + hi by rewrite addrC ler_add2l.
case: (lerP 0 (z + hi)) => [ge0 | lt0]; last first.
  by rewrite mul0r pmulr_rle0 // (le_trans le_hz) // ltW.
apply: le_trans (_ : (z + hi) * v <= _); last by rewrite ler_wpmul2l.
by rewrite mulrC ler_pmul2r.
Qed.

Section Windows.
Variables (R : realFieldType) (e : exponential R) (root : R) (n' d' : nat) (t : tables R n' d').
Implicit Types (x : input n' d') (q m j k : 'I_d'.+1) (i : 'I_n'.+1).

(** u, v: positive multiples of exp(EQKP / root) and exp(EQKE / root), one common factor. c1, c2: the hinted centring vectors. *)
Variables (q m : 'I_d'.+1) (u : 'I_n'.+1 -> R) (v : 'I_d'.+1 -> R) (c : R) (c1 c2 : 'I_d'.+1 -> R).
Hypothesis u_gt0 : forall i, 0 < u i.
Hypothesis v_gt0 : forall k, 0 < v k.
Hypothesis c_gt0 : 0 < c.
Hypothesis factors : forall i k, weight e root t q i k = c * (u i * v k).

(** A group of rivals: h, e0 and p are at most the differences of each of them, after centring. *)
Definition group_bound (group : pred 'I_d'.+1) (h : 'I_d'.+1 -> R) (e0 : R) (p : 'I_n'.+1 -> R) : Prop :=
  [/\ forall j k, group j -> h k <= (EVOU t k m + (c1 m + c2 m)) - (EVOU t k j + (c1 j + c2 j)),
      forall j, group j -> e0 <= (EUPU t q m - c1 m) - (EUPU t q j - c1 j)
    & forall j i, group j -> p i <= (PVOU t i m - c2 m) - (PVOU t i j - c2 j)].

(** W1. *)
Theorem window_term group h e0 p j i k : group_bound group h e0 p -> group j ->
  c * (u i * (v k * (h k + e0 + p i))) <= term e root t q m j i k.
Proof.
move=> [le_h le_e le_p] gj; rewrite /term factors -mulrA ler_pmul2l // -mulrA ler_pmul2l // ler_pmul2l //.
have -> : value t q i k m - value t q i k j = ((EVOU t k m + (c1 m + c2 m)) - (EVOU t k j + (c1 j + c2 j)))
    + ((EUPU t q m - c1 m) - (EUPU t q j - c1 j)) + ((PVOU t i m - c2 m) - (PVOU t i j - c2 j)) by rewrite /value; ring.
by rewrite !ler_add ?le_h ?le_e ?le_p.
Qed.

(** W3. Levels Y: near tokens exactly, far tokens by W2; Yq the query's own. *)
Theorem window_block group h e0 p (pmin mu umin Yq : R) (Y : 'I_d'.+1 -> R) j :
  group_bound group h e0 p -> group j -> (forall i, i != ord_max -> pmin <= p i) ->
  (forall k, (k <= m)%N -> Y k <= v k * (h k + e0 + pmin)) -> (forall k, (k <= m)%N -> mu <= Y k) ->
  Yq <= v q * (h q + e0 + p ord_max) -> (forall i, i != ord_max -> umin <= u i) -> (q <= m)%N ->
  0 < u ord_max * Yq + (\sum_(i | i != ord_max) u i) * mu + (if (q < m)%N then umin * (Y m - mu) else 0) ->
  beaten e root t q m j.
Proof.
move=> bound gj le_p le_Y le_mu le_q le_u le_qm pos x xB.
pose f i k := if i == ord_max then u i * Yq else u i * Y k.
have := @fine_bound _ _ _ f (fun i => u i * mu) (umin * (Y m - mu)) q m x _ _ _ xB.
rewrite {3}/f eqxx -mulr_suml => /(_ _ _ pos) f_pos; rewrite -(pmulr_rgt0 _ (_ : 0 < c^-1)) ?invr_gt0 // mulr_sumr.
apply: lt_le_trans (f_pos _ _) _; rewrite /f.
- by move=> i k /negbTE -> le_km; rewrite ler_pmul2l ?le_mu.
- by move=> i ni; rewrite (negbTE ni) -mulrBr ler_wpmul2r ?subr_ge0 ?le_mu ?le_u.
have c_neq0 : c != 0 by rewrite gt_eqF.
apply: ler_sum => i _; rewrite -(ler_pmul2l c_gt0) (mulVKf c_neq0).
apply: le_trans (window_term i (x i) bound gj); rewrite ler_pmul2l //; case: (eqVneq i ord_max) => [-> | ni]; rewrite ler_pmul2l //.
  by have -> : x ord_max = q by move: xB; rewrite inE => /andP[/eqP].
apply: le_trans (le_Y _ _) _; first exact: block_le xB.
by rewrite ler_pmul2l // ler_add2l le_p.
Qed.

(** W4 and exact windows, right: lower bounds L of positive multiples of the terms; what stays open fails in some group. *)
Theorem window_count (G : finType) (group : 'I_d'.+1 -> G) (settled : pred 'I_d'.+1) (L : G -> 'I_n'.+1 -> 'I_d'.+1 -> R) (scale : R) :
  (q <= m)%N -> 0 < scale -> (forall j, j != m -> settled j -> beaten e root t q m j) ->
  (forall j i k, j != m -> ~~ settled j -> (k <= m)%N -> L (group j) i k <= scale * term e root t q m j i k) ->
  (m.+1 ^ n' - (q < m) * m ^ n' - \sum_g #|[set x in block q m | (\sum_i L g i (x i) <= 0)%R]| <= #|[set x in block q m | tcorrect e root t x]|)%N.
Proof.
move=> le_qm scale_gt0 settledP le_L; rewrite -(card_block n' le_qm) addnK.
apply: (groups (fails := fun g x => \sum_i L g i (x i) <= 0)) => x xB.
have [qx mx] : query x = q /\ maximum x = m by move: xB; rewrite inE => /andP[/eqP -> /eqP ->].
rewrite separability qx mx => /forall_inPn[j jm]; rewrite -leNgt => wrong.
have open_j : ~~ settled j by apply/negP => sj; have := settledP j jm sj x xB; rewrite ltNge wrong.
exists (group j); have le0 : scale * (\sum_i term e root t q m j i (x i)) <= 0 by rewrite pmulr_rle0.
apply: le_trans le0; rewrite mulr_sumr; apply: ler_sum => i _; apply: le_L => //; exact: block_le xB.
Qed.

(** Exact windows, wrong: for ONE rival; the count of one rival, or the largest of several, never their sum. *)
Theorem window_wrong j (U : 'I_n'.+1 -> 'I_d'.+1 -> R) (scale : R) : j != m -> 0 < scale ->
  (forall i k, (k <= m)%N -> scale * term e root t q m j i k <= U i k) ->
  (#|[set x in block q m | (\sum_i U i (x i) <= 0)%R]| <= #|[set x in block q m | ~~ tcorrect e root t x]|)%N.
Proof.
move=> jm scale_gt0 le_U; apply: subset_leq_card; apply/subsetP => x; rewrite inE => /andP[xB le0]; rewrite inE xB /=.
have [qx mx] : query x = q /\ maximum x = m by move: xB; rewrite inE => /andP[/eqP -> /eqP ->].
rewrite separability qx mx; apply/forall_inPn; exists j => //; rewrite -leNgt -(pmulr_rle0 _ scale_gt0) mulr_sumr.
by apply: le_trans le0; apply: ler_sum => i _; apply: le_U; exact: block_le xB.
Qed.
End Windows.

(** Half table: a score vector y against a token vector x, with any direction b and coefficient a; r and s bound two norms. *)
Lemma dot_le (R : realFieldType) n (g x : 'rV[R]_n) (r s : R) : 0 <= r -> 0 <= s -> nsq g <= r ^+ 2 -> nsq x <= s ^+ 2 -> dot g x <= r * s.
Proof.
move=> r_ge0 s_ge0 le_r le_s; apply: le_trans (ler_norm _) _.
rewrite -(ler_pexpn2r (n := 2)) // ?nnegrE ?mulr_ge0 // real_normK ?num_real // exprMn.
by apply: le_trans (cauchy_schwarz g x) _; rewrite ler_pmul ?nsq_ge0.
Qed.
Theorem half_table (R : realFieldType) n (y b x : 'rV[R]_n) (a lo hi r s : R) :
  lo <= dot b x <= hi -> 0 <= r -> 0 <= s -> nsq (y - a *: b) <= r ^+ 2 -> nsq x <= s ^+ 2 ->
  dot y x <= a * (if 0 <= a then hi else lo) + r * s.
Proof.
move=> /andP[ge_lo le_hi] r_ge0 s_ge0 le_r le_s.
have -> : dot y x = a * dot b x + dot (y - a *: b) x.
  rewrite !dotE mulr_sumr -big_split /=; apply: eq_bigr => i _; rewrite !mxE.
  by move: (y 0 i) (b 0 i) (x 0 i) => y' b' x'; ring.
apply: ler_add; last exact: dot_le.
by case: ifP => [a_ge0 | /negbT]; [rewrite ler_wpmul2l | rewrite -ltNge => a_lt0; rewrite ler_wnmul2l // ltW].
Qed.
