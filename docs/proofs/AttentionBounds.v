(** docs/rules/attention-bounds.md: both bounds, from a score approximation S with its error. *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From Proofcheck Require Import Semantics Separability Blocks CountClasses Extremes Cubic Margins QkError.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** attention-bounds.md: a quotient grows with the ratio of its parts. *)
Lemma attention_ge (R : realFieldType) (A B s u : R) : 0 < A + B -> 0 < s + u -> A * u <= B * s -> A / (A + B) <= s / (s + u).
Proof.
move=> AB_gt0 su_gt0 le_cross.
have le_mul: A * (s + u) <= s * (A + B) by rewrite !mulrDr (mulrC s A) ler_add2l (mulrC s B).
by rewrite ler_pdivr_mulr // mulrAC ler_pdivl_mulr.
Qed.

Section Attention.
Variables (R : realFieldType) (e : exponential R) (root : R) (n' d' : nat) (t : tables R n' d').
Implicit Types (x : input n' d') (q m k : 'I_d'.+1) (i : 'I_n'.+1).
Hypothesis root_gt0 : 0 < root.

Theorem attention_lower (far : pred 'I_d'.+1) q m x (S : 'I_d'.+1 -> R) (error b low high A B : R) :
  query x = q -> (exists i, x i = m) -> (forall i, x i != m -> far (x i)) ->
  (forall k, far k -> (EQKE t q k - S k) - (EQKE t q m - S m) <= error) ->
  (forall k, far k -> e (S k / root) <= b) -> 0 < b ->
  0 < low -> low <= \sum_(i | x i == m) wpos e root t q i -> \sum_(i | x i != m) wpos e root t q i <= high -> 0 <= high ->
  A = e ((S m - error) / root) * low -> B = b * high ->
  A / (A + B) <= on_max e root t m x.
Proof.
move=> qx [i0 xi0] cell le_err le_b b_gt0 low_gt0 le_low le_high high_ge0 eA eB.
set w := wpos e root t q; set v := vtok e root t q; set kappa := e ((S m - error) / root) in eA.
pose s := \sum_(i | x i == m) w i * v m; pose u := \sum_(i | x i != m) w i * v (x i).
have w_gt0 i : 0 < w i by exact: ex_gt0.
have v_gt0 k : 0 < v k by exact: ex_gt0.
have -> : on_max e root t m x = s / (s + u).
  have -> : s + u = \sum_i weight e root t q i (x i).
    rewrite [RHS](bigID (fun i => x i == m)) /=; congr (_ + _); last by apply: eq_bigr => i _; rewrite weight_factors.
    by apply: eq_bigr => i /eqP ->; rewrite weight_factors.
  by rewrite /on_max /tattention qx /s mulr_suml; apply: eq_bigr => i /eqP ->; rewrite weight_factors.
have A_gt0 : 0 < A by rewrite eA mulr_gt0 ?ex_gt0.
have s_gt0 : 0 < s.
  by rewrite /s (bigD1 i0) ?xi0 //= ltr_paddr ?mulr_gt0 // sumr_ge0 // => i _; rewrite mulr_ge0 // ltW.
have u_ge0 : 0 <= u by rewrite sumr_ge0 // => i _; rewrite mulr_ge0 // ltW.
have B_ge0 : 0 <= B by rewrite eB mulr_ge0 // ltW.
apply: attention_ge; rewrite ?ltr_paddr //.
have le_v k : far k -> kappa * v k <= b * v m.
  move=> fk; apply: le_trans (_ : e (S k / root) * v m <= _); last by rewrite ler_pmul2r ?le_b.
  rewrite /kappa /v /vtok -!exD -!mulrDl; apply: ex_le; rewrite ler_pmul2r ?invr_gt0 //.
  have := le_err k fk; rewrite -subr_ge0 => ge; rewrite -subr_ge0.
  by have -> : S k + EQKE t q m - (S m - error + EQKE t q k) = error - (EQKE t q k - S k - (EQKE t q m - S m)) by ring.
have le_u : kappa * u <= b * v m * high.
  rewrite /u mulr_sumr; apply: le_trans (_ : \sum_(i | x i != m) b * v m * w i <= _); last first.
    by rewrite -mulr_sumr ler_wpmul2l // ltW // mulr_gt0.
  by apply: ler_sum => i xi; rewrite mulrCA [leRHS]mulrC ler_pmul2l // le_v // cell.
have -> : A * u = low * (kappa * u) by rewrite eA; ring.
apply: le_trans (_ : low * (b * v m * high) <= _); first by rewrite ler_pmul2l.
have -> : low * (b * v m * high) = B * (low * v m) by rewrite eB; ring.
by rewrite ler_wpmul2l // /s -mulr_suml ler_pmul2r.
Qed.

(** The mirror image. *)
Theorem attention_upper (far : pred 'I_d'.+1) q m x (S : 'I_d'.+1 -> R) (error b low high A B : R) :
  query x = q -> (exists i, x i = m) -> (forall i, x i != m -> far (x i)) ->
  (forall k, far k -> (EQKE t q m - S m) - (EQKE t q k - S k) <= error) ->
  (forall k, far k -> b <= e (S k / root)) -> 0 < b ->
  \sum_(i | x i == m) wpos e root t q i <= high -> low <= \sum_(i | x i != m) wpos e root t q i -> 0 <= low ->
  A = e ((S m + error) / root) * high -> B = b * low ->
  on_max e root t m x <= A / (A + B).
Proof.
move=> qx [i0 xi0] cell le_err le_b b_gt0 le_high le_low low_ge0 eA eB.
set w := wpos e root t q; set v := vtok e root t q; set kappa := e ((S m + error) / root) in eA.
pose s := \sum_(i | x i == m) w i * v m; pose u := \sum_(i | x i != m) w i * v (x i).
have w_gt0 i : 0 < w i by exact: ex_gt0.
have v_gt0 k : 0 < v k by exact: ex_gt0.
have high_gt0 : 0 < high.
  apply: lt_le_trans le_high; rewrite (bigD1 i0) ?xi0 //= ltr_paddr // sumr_ge0 // => i _; exact/ltW.
have -> : on_max e root t m x = s / (s + u).
  have -> : s + u = \sum_i weight e root t q i (x i).
    rewrite [RHS](bigID (fun i => x i == m)) /=; congr (_ + _); last by apply: eq_bigr => i _; rewrite weight_factors.
    by apply: eq_bigr => i /eqP ->; rewrite weight_factors.
  by rewrite /on_max /tattention qx /s mulr_suml; apply: eq_bigr => i /eqP ->; rewrite weight_factors.
have A_gt0 : 0 < A by rewrite eA mulr_gt0 ?ex_gt0.
have B_ge0 : 0 <= B by rewrite eB mulr_ge0 // ltW.
have s_gt0 : 0 < s.
  by rewrite /s (bigD1 i0) ?xi0 //= ltr_paddr ?mulr_gt0 // sumr_ge0 // => i _; rewrite mulr_ge0 // ltW.
have u_ge0 : 0 <= u by rewrite sumr_ge0 // => i _; rewrite mulr_ge0 // ltW.
apply: attention_ge; rewrite ?ltr_paddr // mulrC [leRHS]mulrC.
have le_v k : far k -> b * v m <= kappa * v k.
  move=> fk; apply: le_trans (_ : e (S k / root) * v m <= _); first by rewrite ler_pmul2r ?le_b.
  rewrite /kappa /v /vtok -!exD -!mulrDl; apply: ex_le; rewrite ler_pmul2r ?invr_gt0 //.
  have := le_err k fk; rewrite -subr_ge0 => ge; rewrite -subr_ge0.
  by have -> : S m + error + EQKE t q k - (S k + EQKE t q m) = error - (EQKE t q m - S m - (EQKE t q k - S k)) by ring.
have le_u : b * v m * low <= kappa * u.
  rewrite /u mulr_sumr; apply: le_trans (_ : \sum_(i | x i != m) b * v m * w i <= _).
    by rewrite -mulr_sumr ler_wpmul2l // ltW // mulr_gt0.
  by apply: ler_sum => i xi; rewrite mulrCA [leLHS]mulrC ler_pmul2l // le_v // cell.
have -> : A * u = high * (kappa * u) by rewrite eA; ring.
apply: le_trans (_ : high * (b * v m * low) <= _); last by rewrite ler_pmul2l.
have -> : high * (b * v m * low) = B * (high * v m) by rewrite eB; ring.
by rewrite ler_wpmul2l // /s -mulr_suml ler_pmul2r.
Qed.

(** A cell: query q, maximum m, p positions before the last that do not hold m, every token that is not m at most m - g. *)
Notation before := (fun i : 'I_n'.+1 => i != ord_max).

Lemma positions_on_max q m p g x (w : 'I_n'.+1 -> R) (low high : R) :
  x \in block q m -> x \in class q m p (far m g) ->
  sum_of_smallest before w (n' - p) low -> sum_of_largest before w (n' - p) high ->
  low + (if q == m then w ord_max else 0) <= \sum_(i | x i == m) w i <= high + (if q == m then w ord_max else 0).
Proof.
move=> xB; rewrite inE => /and3P[/eqP qx /eqP cp _] s_low s_high.
pose J := [set i | (i != ord_max) && (x i == m)].
have inJ i : i \in J -> i != ord_max by rewrite inE => /andP[].
have cJ : #|J| = (n' - p)%N.
  have -> : J = [set i | i != ord_max] :\: others m x.
    by apply/setP => i; rewrite !inE; case: (i != ord_max); case: (x i == m).
  rewrite cardsD (setIidPr _) ?cp ?cardsE ?card_before //.
  by apply/subsetP => i; rewrite !inE => /andP[].
have -> : \sum_(i | x i == m) w i = \sum_(i in J) w i + (if q == m then w ord_max else 0).
  rewrite (bigID before) /=; congr (_ + _); first by apply: eq_bigl => i; rewrite inE andbC.
  case: (eqVneq q m) => [eq_qm | ne_qm].
    rewrite (big_pred1 ord_max) // => i /=; rewrite negbK andb_idl // => /eqP ->.
    by rewrite -/(query x) qx eq_qm.
  rewrite big_pred0 // => i; rewrite negbK; apply: contraNF ne_qm => /andP[/eqP <- /eqP ->].
  by rewrite -/(query x) qx.
by rewrite !ler_add2r (smallest_le s_low inJ cJ) (largest_ge s_high inJ cJ).
Qed.

Lemma positions_off_max q m p g x (w : 'I_n'.+1 -> R) (low high : R) :
  x \in block q m -> x \in class q m p (far m g) ->
  sum_of_smallest before w p low -> sum_of_largest before w p high ->
  low + (if q == m then 0 else w ord_max) <= \sum_(i | x i != m) w i <= high + (if q == m then 0 else w ord_max).
Proof.
move=> xB; rewrite inE => /and3P[/eqP qx /eqP cp _] s_low s_high.
have inJ i : i \in others m x -> i != ord_max by rewrite inE => /andP[].
have -> : \sum_(i | x i != m) w i = \sum_(i in others m x) w i + (if q == m then 0 else w ord_max).
  rewrite (bigID before) /=; congr (_ + _); first by apply: eq_bigl => i; rewrite inE andbC.
  case: (eqVneq q m) => [eq_qm | ne_qm].
    rewrite big_pred0 // => i /=; rewrite negbK; apply/negP => /andP[xi /eqP il].
    by move: xi; rewrite il -/(query x) qx eq_qm eqxx.
  rewrite (big_pred1 ord_max) // => i /=; rewrite negbK andb_idl // => /eqP ->.
  by rewrite -/(query x) qx.
by rewrite !ler_add2r (smallest_le s_low inJ cp) (largest_ge s_high inJ cp).
Qed.

Theorem attention_bounds (S : 'M[R]_d'.+1) error q m p g x (b b' low_p low_r high_p high_r : R) :
  let w := wpos e root t q in
  let on_query := if q == m then w ord_max else 0 in let off_query := if q == m then 0 else w ord_max in
  let A := e ((S q m - error q) / root) * (low_r + on_query) in let B := b * (high_p + off_query) in
  let A' := e ((S q m + error q) / root) * (high_r + on_query) in let B' := b' * (low_p + off_query) in
  score_approximation (EQKE t) S error ->
  (q == m) || (q \in far m g) -> (q != m -> p < n')%N ->
  sum_of_smallest before w p low_p -> sum_of_smallest before w (n' - p) low_r ->
  sum_of_largest before w p high_p -> sum_of_largest before w (n' - p) high_r ->
  (forall k, k \in far m g -> e (S q k / root) <= b) -> 0 < b ->
  (forall k, k \in far m g -> b' <= e (S q k / root)) -> 0 < b' ->
  x \in block q m -> x \in class q m p (far m g) ->
  A / (A + B) <= on_max e root t m x <= A' / (A' + B').
Proof.
move=> w on_query off_query A B A' B' approx query_cell room s_lp s_lr s_hp s_hr le_b b_gt0 le_b' b'_gt0 xB xC.
have w_gt0 i : 0 < w i by exact: ex_gt0.
have [qx mx] : query x = q /\ maximum x = m by move: xB; rewrite inE => /andP[/eqP -> /eqP ->].
have ex_m : exists i, x i = m by have [i xi] := maximum_attained x; exists i; rewrite xi.
have cell i : x i != m -> x i \in far m g.
  case: (eqVneq i ord_max) => [-> | ni] xm.
    by move: query_cell xm; rewrite -/(query x) qx; case: eqP => //=.
  by move: xC; rewrite inE => /and3P[_ _ /forall_inP]; apply; rewrite inE ni.
have /andP[low_on high_on] := positions_on_max xB xC s_lr s_hr.
have /andP[low_off high_off] := positions_off_max xB xC s_lp s_hp.
have off_ge0 : 0 <= off_query by rewrite /off_query; case: ifP => // _; exact/ltW.
have err_le k : (EQKE t q k - S q k) - (EQKE t q m - S q m) <= error q.
  exact: le_trans (ler_norm _) (approx q k m).
have err_ge k : (EQKE t q m - S q m) - (EQKE t q k - S q k) <= error q.
  exact: le_trans (ler_norm _) (approx q m k).
apply/andP; split.
  apply: (@attention_lower (mem (far m g)) q m x (S q) (error q) b (low_r + on_query) (high_p + off_query)) => //.
    have := smallest_ge0 w_gt0 s_lr; rewrite /on_query; case: (eqVneq q m) => [_ ge0 | ne ge0]; first by rewrite ltr_paddl.
    by rewrite addr0 (smallest_gt0 w_gt0 _ s_lr) // subn_gt0 room.
  by rewrite addr_ge0 //; case: s_hp => K _ ->; apply: sumr_ge0 => i _; exact/ltW.
apply: (@attention_upper (mem (far m g)) q m x (S q) (error q) b' (low_p + off_query) (high_r + on_query)) => //.
by rewrite addr_ge0 // (smallest_ge0 w_gt0 s_lp).
Qed.
End Attention.
