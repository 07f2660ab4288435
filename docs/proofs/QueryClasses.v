(** Bounds that hold for every query of a class: grouped-queries (G1, G2), shared-windows (H1, H2, H3), and sums kept in bins around zero. *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From Proofcheck Require Import Semantics Separability Blocks SeparableMinimum Spectral Windows RivalTree.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Scores.
Variables (R : realFieldType) (D r : nat).

Lemma nsqN n (x : 'rV[R]_n) : nsq (- x) = nsq x.
Proof. by rewrite /nsq !dotE; apply: eq_bigr => i _; rewrite !mxE mulrNN. Qed.
Lemma dotN n (g x : 'rV[R]_n) : dot g (- x) = - dot g x.
Proof. by rewrite !dotE -sumrN; apply: eq_bigr => i _; rewrite !mxE mulrN. Qed.
Lemma dot_ge n (g x : 'rV[R]_n) (p s : R) : 0 <= p -> 0 <= s -> nsq g <= p ^+ 2 -> nsq x <= s ^+ 2 -> - (p * s) <= dot g x.
Proof. by move=> p_ge0 s_ge0 le_p le_s; rewrite ler_oppl -dotN dot_le // nsqN. Qed.

(** Y = y, the query vector; c the base, B the directions, a the query's coefficients; kappa_t = E_t B^T. *)
Variables (y c : 'rV[R]_D) (B : 'M[R]_(r, D)) (a lo hi : 'rV[R]_r) (eps : R).
Hypothesis box : forall k, lo 0 k <= a 0 k <= hi 0 k.
Hypothesis eps_ge0 : 0 <= eps.
Hypothesis residual : nsq (y - c - a *m B) <= eps ^+ 2.

Lemma score_split (x : 'rV[R]_D) : dot y x = (\sum_k a 0 k * (x *m B^T) 0 k + dot c x) + dot (y - c - a *m B) x.
Proof.
have -> : \sum_k a 0 k * (x *m B^T) 0 k = dot (a *m B) x by rewrite -dotE [RHS]dot_mulr.
by rewrite !dotBl; move: (dot y x) (dot c x) (dot _ x) => p q s; ring.
Qed.

Lemma box_end (u v lo' hi' : R) : lo' <= u <= hi' -> Num.min (lo' * v) (hi' * v) <= u * v <= Num.max (lo' * v) (hi' * v).
Proof.
move=> /andP[le_lo le_hi]; case: (lerP 0 v) => [v_ge0 | v_lt0].
  by apply/andP; split; [rewrite le_minl ler_wpmul2r | rewrite le_maxr orbC ler_wpmul2r].
by have v_le0 := ltW v_lt0; apply/andP; split; [rewrite le_minl orbC ler_wnmul2r | rewrite le_maxr ler_wnmul2r].
Qed.

(** G1, for x = E_t - E_m; s is at least its norm. *)
Theorem group_score (x : 'rV[R]_D) (s : R) : 0 <= s -> nsq x <= s ^+ 2 ->
  \sum_k Num.min (lo 0 k * (x *m B^T) 0 k) (hi 0 k * (x *m B^T) 0 k) + dot c x - eps * s <= dot y x
  /\ dot y x <= \sum_k Num.max (lo 0 k * (x *m B^T) 0 k) (hi 0 k * (x *m B^T) 0 k) + dot c x + eps * s.
Proof.
move=> s_ge0 le_s; rewrite score_split; have ends k := box_end ((x *m B^T) 0 k) (box k); split.
  apply: ler_add; last exact: dot_ge.
  by rewrite ler_add2r; apply: ler_sum => k _; have /andP[] := ends k.
apply: ler_add; last exact: dot_le.
by rewrite ler_add2r; apply: ler_sum => k _; have /andP[] := ends k.
Qed.

Definition corner (b : {ffun 'I_r -> bool}) (k : 'I_r) : R := if b k then hi 0 k else lo 0 k.

(** G2. top b is at least every score of the prefix at the corner b, and M at least what is left of it there: the same corner in both. *)
Theorem group_prefix (T : eqType) (prefix : pred T) (E : T -> 'rV[R]_D) (Em mean : 'rV[R]_D) (top : {ffun 'I_r -> bool} -> R) (M far near : R) :
  (forall b t, prefix t -> \sum_k corner b k * (E t *m B^T) 0 k + dot c (E t) <= top b) ->
  (forall b, top b - (\sum_k corner b k * (Em *m B^T) 0 k + dot c Em) <= M) ->
  0 <= far -> 0 <= near -> (forall t, prefix t -> nsq (E t - mean) <= far ^+ 2) -> nsq (Em - mean) <= near ^+ 2 ->
  forall t, prefix t -> dot y (E t - Em) <= M + eps * (near + far).
Proof.
move=> le_top le_M far_ge0 near_ge0 le_far le_near t pt; rewrite score_split; apply: ler_add; last first.
  have -> : E t - Em = (E t - mean) - (Em - mean) by rewrite opprB addrA subrK.
  rewrite dotBr [near + far]addrC mulrDr; apply: ler_add; first exact: (dot_le eps_ge0 far_ge0 residual (le_far t pt)).
  by rewrite ler_oppl; exact: (dot_ge eps_ge0 near_ge0 residual le_near).
pose b := [ffun k => 0 <= ((E t - Em) *m B^T) 0 k].
apply: le_trans (le_M b); apply: le_trans (_ : \sum_k corner b k * ((E t - Em) *m B^T) 0 k + dot c (E t - Em) <= _).
  rewrite ler_add2r; apply: ler_sum => k _; have /andP[le_lo le_hi] := box k.
  by rewrite /corner ffunE; case: ifP => [ge0 | /negbT]; [rewrite ler_wpmul2r | rewrite -ltNge => /ltW lt0; rewrite ler_wnmul2r].
have -> : \sum_k corner b k * ((E t - Em) *m B^T) 0 k = \sum_k corner b k * (E t *m B^T) 0 k - \sum_k corner b k * (Em *m B^T) 0 k.
  by rewrite -sumrB; apply: eq_bigr => k _; rewrite mulmxBl !mxE mulrBr.
rewrite dotBr; have := le_top b t pt; move: (\sum_k _) (dot c (E t)) (\sum_k _) (dot c Em) => p q p' q' le.
by rewrite opprD addrACA ler_add2r.
Qed.
End Scores.

Section Levels.
Variable R : realFieldType.

(** H1: what is smallest over the queries and the rivals of a group, for one token. *)
Theorem class_height (Q J : eqType) (queries : pred Q) (group : pred J) (h : J -> R) (e : Q -> J -> R) (least : J -> R) (H : R) :
  (forall q j, queries q -> group j -> least j <= e q j) -> (forall j, group j -> H <= h j + least j) ->
  forall q j, queries q -> group j -> H <= h j + e q j.
Proof. by move=> le_least le_H q j qq gj; apply: le_trans (le_H j gj) _; rewrite ler_add2l le_least. Qed.

(** H2: factors u in [u1, u2] and v in [v1, v2], a single token. *)
Theorem class_level (u u1 u2 v v1 v2 x z : R) : 0 <= u1 -> u1 <= u <= u2 -> 0 <= v1 -> v1 <= v <= v2 -> z <= x ->
  Num.min (u1 * v1 * z) (u2 * v2 * z) <= u * v * x.
Proof.
move=> u1_ge0 /andP[le_u1 le_u2] v1_ge0 /andP[le_v1 le_v2] le_z.
have u_ge0 := le_trans u1_ge0 le_u1; have v_ge0 := le_trans v1_ge0 le_v1; have u2_ge0 := le_trans u_ge0 le_u2.
rewrite le_minl; apply/orP; case: (lerP 0 z) => [z_ge0 | z_lt0]; [left | right].
  by apply: ler_pmul => //; rewrite ?mulr_ge0 //; apply: ler_pmul.
apply: le_trans (_ : u * v * z <= _); last by rewrite ler_wpmul2l ?mulr_ge0.
by rewrite ler_wnmul2r ?(ltW z_lt0) //; apply: ler_pmul.
Qed.

(** H2 on a segment: M is at least the weight of each of its tokens. *)
Theorem class_segment (u u2 v M x z : R) : 0 <= u -> u <= u2 -> 0 <= v -> v <= M -> z <= x ->
  Num.min 0 z * M * u2 <= u * v * x.
Proof.
move=> u_ge0 le_u v_ge0 le_M le_z; have M_ge0 := le_trans v_ge0 le_M; have u2_ge0 := le_trans u_ge0 le_u.
case: (lerP 0 z) => [z_ge0 | z_lt0]; first by rewrite !mul0r !mulr_ge0 // (le_trans z_ge0).
apply: le_trans (_ : u * v * z <= _); last by rewrite ler_wpmul2l ?mulr_ge0.
by rewrite -mulrA [z * _]mulrC ler_wnmul2r ?(ltW z_lt0) // [M * _]mulrC ler_pmul.
Qed.
End Levels.

(** A class as a whole: for each of its queries q, levels that are at most a positive multiple of the terms (scale may depend on q). *)
Section Class.
Variables (R : realFieldType) (e : exponential R) (root : R) (n' d' : nat) (t : tables R n' d').
Implicit Types (q m j k : 'I_d'.+1) (i : 'I_n'.+1).

Theorem class_block q m j (scale last gain : R) (L : 'I_n'.+1 -> 'I_d'.+1 -> R) (mu : 'I_n'.+1 -> R) : 0 < scale ->
  (forall i k, i != ord_max -> (k <= m)%N -> L i k <= scale * term e root t q m j i k) ->
  last <= scale * term e root t q m j ord_max q ->
  (forall i k, i != ord_max -> (k <= m)%N -> mu i <= L i k) -> (forall i, i != ord_max -> gain <= L i m - mu i) ->
  0 < last + \sum_(i | i != ord_max) mu i + (if (q < m)%N then gain else 0) -> beaten e root t q m j.
Proof.
move=> scale_gt0 le_L le_last le_mu le_gain pos x xB; rewrite -(pmulr_rgt0 _ scale_gt0) mulr_sumr.
apply: (@fine_bound _ _ _ (fun i k => scale * term e root t q m j i k) mu gain q m x) => // [i k ni le_k | i ni |].
- exact: le_trans (le_mu i k ni le_k) (le_L i k ni le_k).
- by apply: le_trans (le_gain i ni) _; rewrite ler_add2r le_L.
by apply: lt_le_trans pos _; rewrite !ler_add2r.
Qed.
End Class.

(** Sums in bins around zero: s is a state, d the bins of the levels that follow. *)
Section ClampedSums.
Variables above below : int.
Fixpoint fails (s : int) (d : seq int) : bool :=
  if d is first :: others then (s < - below) || fails (Num.min above (s + first)) others else s <= 0.

Lemma fails_sum (d : seq int) (s : int) : s + \sum_(k <- d) k <= 0 -> fails s d.
Proof.
elim: d s => [|k d IH] s /=; first by rewrite big_nil addr0.
rewrite big_cons addrA => le0; apply/orP; right; apply: IH; apply: le_trans le0.
by rewrite ler_add2r le_minl lexx orbT.
Qed.

(** levels: the level of each position and its offset. *)
Theorem clamped_sums (levels : seq (int * int)) (last w : int) : 0 < w -> \sum_(p <- levels) p.1 + last <= 0 ->
  fails (- (((\sum_(p <- levels) p.2 - last) %/ w)%Z)) [seq ((p.1 + p.2) %/ w)%Z | p <- levels].
Proof.
move=> w_gt0 le0; apply: fails_sum; rewrite addrC subr_le0 big_map lez_divRL // mulr_suml.
apply: le_trans (_ : \sum_(p <- levels) (p.1 + p.2) <= _).
  by apply: ler_sum => p _; apply: lez_floor; rewrite gt_eqF.
by rewrite big_split /= addrC ler_add2l -subr_le0 opprK.
Qed.
End ClampedSums.
