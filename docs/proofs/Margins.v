(** docs/rules/margins.md: margin, the two rules, c = 0, the count. *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From Proofcheck Require Import Semantics Separability Blocks CountClasses Cubic.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** The chord of an affine function, hence of a maximum of them. *)
Theorem chord (R : realFieldType) (L S lo hi a at_lo at_hi : R) :
  lo <= a <= hi -> L + lo * S <= at_lo -> L + hi * S <= at_hi ->
  (hi - lo) * (L + a * S) <= at_lo * (hi - a) + at_hi * (a - lo).
Proof.
move=> /andP[lo_a a_hi] le_lo le_hi.
have ->: (hi - lo) * (L + a * S) = (L + lo * S) * (hi - a) + (L + hi * S) * (a - lo) by ring.
by apply: ler_add; rewrite ler_wpmul2r ?subr_ge0.
Qed.

Section Margins.
Variables (R : realFieldType) (e : exponential R) (root : R) (n' d' : nat) (t : tables R n' d').
Implicit Types (x : input n' d') (q m k o : 'I_d'.+1) (i : 'I_n'.+1).

Lemma attention_ge0 x i : 0 <= tattention e root t x i.
Proof. by rewrite /tattention divr_ge0 // ltW ?weight_gt0 ?total_gt0. Qed.
Lemma attention_sum x : \sum_i tattention e root t x i = 1.
Proof. by rewrite /tattention -mulr_suml divff // gt_eqF // total_gt0. Qed.

Definition on_max m x : R := \sum_(i | x i == m) tattention e root t x i.

(** Lemma 1 (margin). far k: the tokens that a cell allows beside m. *)
Theorem margin (far : pred 'I_d'.+1) q m o x (M g PV W : R) :
  query x = q -> (forall i, x i != m -> far (x i)) ->
  EUPU t q o - EUPU t q m <= M + g -> (forall i, PVOU t i o - PVOU t i m <= PV) ->
  (forall k, far k -> EVOU t k o - EVOU t k m <= W) ->
  tlogit e root t x o - tlogit e root t x m
  <= g + (M + PV) + on_max m x * (EVOU t m o - EVOU t m m) + (1 - on_max m x) * W.
Proof.
move=> qx cell le_direct le_PV le_W; rewrite /tlogit qx.
set al := tattention e root t x; set a := on_max m x.
have -> : EUPU t q o + \sum_i al i * (EVOU t (x i) o + PVOU t i o) - (EUPU t q m + \sum_i al i * (EVOU t (x i) m + PVOU t i m))
  = (EUPU t q o - EUPU t q m) + \sum_i al i * (PVOU t i o - PVOU t i m) + \sum_i al i * (EVOU t (x i) o - EVOU t (x i) m).
  rewrite opprD addrACA -[RHS]addrA; congr (_ + _); rewrite -sumrB -big_split /=.
  by apply: eq_bigr => i _; ring.
have -> : g + (M + PV) + a * (EVOU t m o - EVOU t m m) + (1 - a) * W = (M + g) + PV + (a * (EVOU t m o - EVOU t m m) + (1 - a) * W) by ring.
apply: ler_add; first apply: ler_add => //.
  rewrite -[leRHS]mul1r -(attention_sum x) mulr_suml; apply: ler_sum => i _.
  by rewrite ler_wpmul2l ?attention_ge0.
rewrite (bigID (fun i => x i == m)) /=; apply: ler_add.
  by rewrite /a /on_max mulr_suml; apply: ler_sum => i /eqP ->.
have -> : 1 - a = \sum_(i | x i != m) al i.
  by rewrite -(attention_sum x) (bigID (fun i => x i == m)) /= addrC addKr.
rewrite mulr_suml; apply: ler_sum => i xi; rewrite ler_wpmul2l ?attention_ge0 // le_W //; exact: cell.
Qed.

(** margin-drop-average-query-per-output-logit-reasoning; L and Rs are the maxima L* and R* of the page. *)
Theorem drop_average_query (far : pred 'I_d'.+1) q m x (M PV : 'I_d'.+1 -> R) (g L Rs W A B A' B' : R) :
  query x = q -> maximum x = m -> (forall i, x i != m -> far (x i)) ->
  (forall o, o != m -> EUPU t q o - EUPU t q m <= M o + g) ->
  (forall o i, o != m -> PVOU t i o - PVOU t i m <= PV o) ->
  (forall k o, far k -> o != m -> EVOU t k o - EVOU t k m <= W) ->
  (forall o, o != m -> M o + PV o <= L) -> (forall o, o != m -> EVOU t m o - EVOU t m m <= Rs) ->
  0 < A + B -> 0 < A' + B' -> A / (A + B) <= on_max m x <= A' / (A' + B') ->
  A * (g + L + Rs) + B * (g + L + W) < 0 -> A' * (g + L + Rs) + B' * (g + L + W) < 0 ->
  tcorrect e root t x.
Proof.
move=> qx mx cell le_direct le_PV le_W le_L le_R AB_gt0 AB'_gt0 /andP[ge_a le_a] neg neg'.
apply/forallP => o; rewrite mx; apply/implyP => om; rewrite -subr_lt0; set a := on_max m x in ge_a le_a *.
apply: le_lt_trans (margin qx cell (le_direct o om) (fun i => le_PV o i om) (fun k far_k => le_W k o far_k om)) _.
rewrite -/a; have a_ge0 : 0 <= a by rewrite sumr_ge0 // => i _; exact: attention_ge0.
apply: le_lt_trans (_ : (Rs - W) * a + (g + L + W) < 0).
  have -> : (Rs - W) * a + (g + L + W) = g + L + a * Rs + (1 - a) * W by ring.
  by rewrite ler_add2r; apply: ler_add; [rewrite ler_add2l le_L | rewrite ler_wpmul2l ?le_R].
have at_end (X Y : R) : 0 < X + Y -> X * (g + L + Rs) + Y * (g + L + W) < 0 -> (Rs - W) * (X / (X + Y)) + (g + L + W) < 0.
  move=> XY_gt0 neg_XY; rewrite -(pmulr_llt0 _ XY_gt0).
  have -> : ((Rs - W) * (X / (X + Y)) + (g + L + W)) * (X + Y) = (Rs - W) * (X / (X + Y) * (X + Y)) + (g + L + W) * (X + Y) by ring.
  by rewrite divfK ?gt_eqF //; apply: le_lt_trans neg_XY; rewrite le_eqVlt; apply/orP; left; apply/eqP; ring.
by apply: (@affine_lt0 _ _ _ (A / (A + B)) (A' / (A' + B'))) => //; [rewrite ge_a | exact: at_end | exact: at_end].
Qed.

(** margin-mean-query+diff, with its tests at the ends A/(A+B), A'/(A'+B') of what is known of the attention. *)
Theorem chord_rule (far : pred 'I_d'.+1) q m x (M PV : 'I_d'.+1 -> R) (g W lo hi at_lo at_hi A B A' B' : R) :
  query x = q -> maximum x = m -> (forall i, x i != m -> far (x i)) ->
  (forall o, o != m -> EUPU t q o - EUPU t q m <= M o + g) ->
  (forall o i, o != m -> PVOU t i o - PVOU t i m <= PV o) ->
  (forall k o, far k -> o != m -> EVOU t k o - EVOU t k m <= W) ->
  0 < A + B -> 0 < A' + B' -> lo < hi -> lo <= A / (A + B) -> A' / (A' + B') <= hi ->
  A / (A + B) <= on_max m x <= A' / (A' + B') ->
  (forall o, o != m -> (M o + PV o) + lo * (EVOU t m o - EVOU t m m) <= at_lo) ->
  (forall o, o != m -> (M o + PV o) + hi * (EVOU t m o - EVOU t m m) <= at_hi) ->
  A * (at_lo * (hi - 1) + at_hi * (1 - lo) + (hi - lo) * g) + B * (at_lo * hi - at_hi * lo + (hi - lo) * (W + g)) < 0 ->
  A' * (at_lo * (hi - 1) + at_hi * (1 - lo) + (hi - lo) * g) + B' * (at_lo * hi - at_hi * lo + (hi - lo) * (W + g)) < 0 ->
  tcorrect e root t x.
Proof.
move=> qx mx cell le_direct le_PV le_W AB_gt0 AB'_gt0 lt_lo_hi lo_A A'_hi /andP[ge_a le_a] le_lo le_hi neg neg'.
apply/forallP => o; rewrite mx; apply/implyP => om; rewrite -subr_lt0.
set a := on_max m x in ge_a le_a *.
apply: le_lt_trans (margin qx cell (le_direct o om) (fun i => le_PV o i om) (fun k far_k => le_W k o far_k om)) _.
rewrite -/a; set S := EVOU t m o - EVOU t m m.
rewrite -(pmulr_rlt0 _ (_ : 0 < hi - lo)) ?subr_gt0 //.
have a_in : lo <= a <= hi by rewrite (le_trans lo_A ge_a) (le_trans le_a A'_hi).
pose c := at_hi - at_lo - (hi - lo) * W; pose b := at_lo * hi - at_hi * lo + (hi - lo) * (W + g).
apply: le_lt_trans (_ : c * a + b < 0).
  have -> : (hi - lo) * (g + (M o + PV o) + a * S + (1 - a) * W) = (hi - lo) * (M o + PV o + a * S) + (hi - lo) * (g + (1 - a) * W) by ring.
  have -> : c * a + b = at_lo * (hi - a) + at_hi * (a - lo) + (hi - lo) * (g + (1 - a) * W) by rewrite /c /b; ring.
  by rewrite ler_add2r; apply: chord => //; [exact: le_lo | exact: le_hi].
have at_end (X Y : R) : 0 < X + Y -> X * (at_lo * (hi - 1) + at_hi * (1 - lo) + (hi - lo) * g) + Y * (at_lo * hi - at_hi * lo + (hi - lo) * (W + g)) < 0 ->
    c * (X / (X + Y)) + b < 0.
  move=> XY_gt0 neg_XY; rewrite -(pmulr_llt0 _ XY_gt0).
  have -> : (c * (X / (X + Y)) + b) * (X + Y) = c * (X / (X + Y) * (X + Y)) + b * (X + Y) by ring.
  by rewrite divfK ?gt_eqF //; apply: le_lt_trans neg_XY; rewrite le_eqVlt; apply/orP; left; apply/eqP; rewrite /c /b; ring.
apply: (@affine_lt0 _ c b (A / (A + B)) (A' / (A' + B'))) => //; [by rewrite ge_a | exact: at_end | exact: at_end].
Qed.

(** c = 0: the sequence (m, ..., m). *)
Theorem constant_sequence m x (PV : 'I_d'.+1 -> R) :
  (forall i, x i = m) -> (forall o i, o != m -> PVOU t i o - PVOU t i m <= PV o) ->
  (forall o, o != m -> EUPU t m o - EUPU t m m + (EVOU t m o - EVOU t m m) + PV o < 0) -> tcorrect e root t x.
Proof.
move=> all_m le_PV neg; have mx : maximum x = m by apply: all_m.
have qx : query x = m by apply: all_m.
apply/forallP => o; rewrite mx; apply/implyP => om; rewrite -subr_lt0; apply: le_lt_trans (neg o om).
have a1 : on_max m x = 1.
  by rewrite -(attention_sum x) /on_max; apply: eq_bigl => i; rewrite all_m eqxx.
have := @margin (fun k => k == m) m m o x (EUPU t m o - EUPU t m m) 0 (PV o) (EVOU t m o - EVOU t m m) qx.
rewrite a1 subrr mul0r addr0 mul1r add0r => bound; apply: le_trans (bound _ _ _ _) _; rewrite ?addr0 //.
- by move=> i; rewrite all_m eqxx.
- by move=> i; exact: le_PV.
- by move=> k /eqP ->.
by rewrite addrAC.
Qed.

(** The tokens at most m - g; an accepted cell proves a class. *)
Definition far (m : 'I_d'.+1) (g : nat) : {set 'I_d'.+1} := [set k : 'I_d'.+1 | (k + g <= m)%N].
Lemma card_far m g : (g <= m)%N -> #|far m g| = (m - g + 1)%N.
Proof.
move=> le_gm; have le_k : (m - g + 1 <= d'.+1)%N by rewrite addn1 ltnS (leq_trans (leq_subr g m)) // -ltnS.
by rewrite -[RHS](card_le le_k); apply: eq_card => k; rewrite !inE addn1 ltnS leq_subRL // addnC.
Qed.
Lemma class_cell q m p g x : x \in block q m -> x \in class q m p (far m g) -> (q == m) || (q \in far m g) ->
  [/\ query x = q, maximum x = m & forall i, x i != m -> x i \in far m g].
Proof.
move=> xB xC query_cell; have [qx mx] : query x = q /\ maximum x = m by move: xB; rewrite inE => /andP[/eqP -> /eqP ->].
split=> // i; case: (eqVneq i ord_max) => [-> | ni] xm.
  by move: query_cell xm; rewrite -/(query x) qx; case: eqP => //=.
by move: xC; rewrite inE => /and3P[_ _ /forall_inP]; apply; rewrite inE ni.
Qed.

(** The count: `accepted q p g` says that all sequences of the cell are correct (by one of the rules above). *)
Definition cell_proved q m (p : nat) (g : nat) : Prop :=
  [/\ (0 < g)%N, (q < m -> p < n')%N & forall x, x \in block q m -> x \in class q m p (far m g) -> tcorrect e root t x].
Theorem margin_count q m (gaps : 'I_n'.+1 -> option nat) :
  (q <= m)%N -> (forall p g, gaps p = Some g -> cell_proved q m p g) ->
  (\sum_p (if gaps p is Some g then 'C(n', p) * #|far m g| ^ p else 0) <= #|[set x in block q m | tcorrect e root t x]|)%N.
Proof.
move=> le_qm proved; pose K p := if gaps p is Some g then Some (far m g) else None.
have Kp p A : K p = Some A -> exists2 g, A = far m g & cell_proved q m p g.
  by rewrite /K; case E: (gaps p) => [g|//] [<-]; exists g => //; exact: proved.
refine (leq_trans _ (count_classes (K := K) (good := tcorrect e root t) le_qm _ _ _)).
- by apply/eq_leq/eq_bigr => p _; rewrite /K; case: (gaps p).
- move=> p A /Kp[g -> [g_gt0 _ _]] k; rewrite inE => le_m; apply: leq_trans le_m.
  by rewrite -[X in (X < _)%N]addn0 ltn_add2l.
- by move=> p A /Kp[g _ [_ room _]].
by move=> p A /Kp[g -> [_ _ ok]] x xC xB; exact: ok.
Qed.
End Margins.
