(** Theorem E, its radii over the reals: how Euclidean errors go through linear maps, sums, ReLU, scores, softmax and the decision.
    What each float operation adds is a term of its own, not part of these statements. *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From Proofcheck Require Import Spectral Windows RivalTree.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Radii.
Variable R : realFieldType.
(** The computed vector y lies within r of the exact one x. *)
Definition within_radius n (y x : 'rV[R]_n) (r : R) : Prop := 0 <= r /\ nsq (y - x) <= r ^+ 2.

Lemma nsqD_le n (a b : 'rV[R]_n) r s : 0 <= r -> 0 <= s -> nsq a <= r ^+ 2 -> nsq b <= s ^+ 2 -> nsq (a + b) <= (r + s) ^+ 2.
Proof.
move=> r_ge0 s_ge0 le_a le_b; have -> : nsq (a + b) = nsq a + 2%:R * dot a b + nsq b.
  rewrite /nsq !dotE !mulr_sumr -!big_split /=; apply: eq_bigr => i _; rewrite !mxE.
  by move: (a 0 i) (b 0 i) => u v; ring.
have -> : (r + s) ^+ 2 = r ^+ 2 + 2%:R * (r * s) + s ^+ 2 by ring.
by rewrite !ler_add // ler_pmul2l ?ltr0n // dot_le.
Qed.

Theorem radius_add n (y y' x x' : 'rV[R]_n) r r' : within_radius y x r -> within_radius y' x' r' -> within_radius (y + y') (x + x') (r + r').
Proof.
move=> [r_ge0 le_r] [r'_ge0 le_r']; split; first exact: addr_ge0.
have -> : y + y' - (x + x') = (y - x) + (y' - x') by rewrite opprD addrACA.
exact: nsqD_le.
Qed.

Theorem radius_linear n m (W : 'M[R]_(n, m)) (y x : 'rV[R]_n) (b : 'rV[R]_m) r sigma :
  0 <= sigma -> (forall v : 'rV[R]_n, nsq (v *m W) <= sigma ^+ 2 * nsq v) ->
  within_radius y x r -> within_radius (y *m W + b) (x *m W + b) (sigma * r).
Proof.
move=> sigma_ge0 norm [r_ge0 le_r]; split; first exact: mulr_ge0.
have -> : y *m W + b - (x *m W + b) = (y - x) *m W by rewrite mulmxBl opprD addrACA subrr addr0.
by apply: le_trans (norm _) _; rewrite exprMn ler_wpmul2l ?sqr_ge0.
Qed.

(** Any map that moves no coordinate more than L times as far: ReLU with L = 1. *)
Theorem radius_lipschitz n (h : R -> R) (L : R) (y x : 'rV[R]_n) r :
  0 <= L -> (forall a b, `|h a - h b| <= L * `|a - b|) -> within_radius y x r -> within_radius (map_mx h y) (map_mx h x) (L * r).
Proof.
move=> L_ge0 lip [r_ge0 le_r]; split; first exact: mulr_ge0.
apply: le_trans (_ : L ^+ 2 * nsq (y - x) <= _); last by rewrite exprMn ler_wpmul2l ?sqr_ge0.
rewrite /nsq !dotE mulr_sumr; apply: ler_sum => i _; rewrite !mxE -!expr2 -exprMn.
rewrite -(real_normK (num_real (h _ - _))) -(real_normK (num_real (L * _))) ler_pexpn2r ?nnegrE // normrM (ger0_norm L_ge0).
exact: lip.
Qed.
Lemma relu_lipschitz (a b : R) : `|Num.max 0 a - Num.max 0 b| <= 1 * `|a - b|.
Proof.
rewrite mul1r; case: (lerP 0 a) => a0; case: (lerP 0 b) => b0; rewrite ?subrr ?normr0 ?normr_ge0 // ?subr0 ?sub0r ?normrN.
  by rewrite !ger0_norm // ?subr_ge0 ?(le_trans (ltW b0)) // ler_addl oppr_ge0 ltW.
by rewrite ger0_norm // distrC ger0_norm ?subr_ge0 ?(le_trans (ltW a0)) // ler_addl oppr_ge0 ltW.
Qed.

(** A score: qn and kn bound the norms of the computed vectors. *)
Theorem score_error n (q q' k k' : 'rV[R]_n) rq rk qn kn :
  within_radius q' q rq -> within_radius k' k rk -> 0 <= qn -> 0 <= kn -> nsq q' <= qn ^+ 2 -> nsq k' <= kn ^+ 2 ->
  `|dot q' k' - dot q k| <= qn * rk + kn * rq + rq * rk.
Proof.
move=> [rq_ge0 le_rq] [rk_ge0 le_rk] qn_ge0 kn_ge0 le_qn le_kn.
have norm_le (g x : 'rV[R]_n) a b : 0 <= a -> 0 <= b -> nsq g <= a ^+ 2 -> nsq x <= b ^+ 2 -> `|dot g x| <= a * b.
  move=> a_ge0 b_ge0 le_a le_b; rewrite ler_norml dot_le // andbT ler_oppl.
  have -> : - dot g x = dot g (- x) by rewrite !dotE -sumrN; apply: eq_bigr => i _; rewrite mxE mulrN.
  apply: dot_le => //; apply: le_trans le_b; rewrite le_eqVlt; apply/orP; left; apply/eqP.
  by rewrite /nsq !dotE; apply: eq_bigr => i _; rewrite !mxE mulrNN.
have -> : dot q' k' - dot q k = dot q' (k' - k) + dot (q' - q) k' - dot (q' - q) (k' - k).
  by rewrite !dotBr !dotBl; move: (dot q' k') (dot q' k) (dot q k') (dot q k) => a b c d; ring.
apply: le_trans (ler_norm_sub _ _) _; apply: ler_add; last exact: norm_le.
apply: le_trans (ler_norm_add _ _) _; apply: ler_add; first exact: norm_le.
by rewrite mulrC norm_le.
Qed.

(** Softmax: E >= 1 bounds all factors f and their inverses (E = e^theta); (E - 1)/(E + 1) is tanh(theta / 2). *)
Theorem softmax_error (I : finType) (a f : I -> R) (E : R) :
  1 <= E -> (forall i, 0 <= a i) -> \sum_i a i = 1 -> (forall i, E^-1 <= f i <= E) ->
  \sum_i `|a i * f i / (\sum_k a k * f k) - a i| <= 2%:R * ((E - 1) / (E + 1)).
Proof.
move=> E_ge1 a_ge0 a1 f_in; set mean := \sum_k a k * f k.
have E_gt0 : 0 < E by exact: lt_le_trans ltr01 E_ge1.
have Ei_gt0 : 0 < E^-1 by rewrite invr_gt0.
have mean_gt0 : 0 < mean.
  apply: lt_le_trans Ei_gt0 _; rewrite -[E^-1]mulr1 -a1 mulr_sumr; apply: ler_sum => i _; rewrite mulrC.
  by rewrite ler_wpmul2l //; case/andP: (f_in i).
pose S := [pred i | mean <= f i].
pose p := \sum_(i | S i) a i; pose p' := \sum_(i | ~~ S i) a i.
pose hi := \sum_(i | S i) a i * f i; pose lo := \sum_(i | ~~ S i) a i * f i.
have p_sum : p + p' = 1 by rewrite -a1 [RHS](bigID S).
have mean_sum : mean = hi + lo by rewrite /mean (bigID S).
have p_ge0 : 0 <= p by exact: sumr_ge0. have p'_ge0 : 0 <= p' by exact: sumr_ge0.
have hi_le : hi <= p * E by rewrite mulr_suml; apply: ler_sum => i _; rewrite ler_wpmul2l //; case/andP: (f_in i).
have lo_ge : p' * E^-1 <= lo by rewrite mulr_suml; apply: ler_sum => i _; rewrite ler_wpmul2l //; case/andP: (f_in i).
have total : \sum_i `|a i * f i / mean - a i| = 2%:R * (hi / mean - p).
  have part i : `|a i * f i / mean - a i| = if S i then a i * f i / mean - a i else a i - a i * f i / mean.
    have -> : a i * f i / mean - a i = a i * (f i / mean - 1) by rewrite mulrBr mulr1 mulrA.
    have -> : a i - a i * f i / mean = - (a i * (f i / mean - 1)) by rewrite mulrBr mulr1 mulrA opprB.
    case: ifP => /= [ge_m | /negbT]; last rewrite -ltNge => lt_m.
      by rewrite ger0_norm // mulr_ge0 // subr_ge0 ler_pdivl_mulr // mul1r.
    by rewrite ler0_norm // mulr_ge0_le0 // subr_le0 ler_pdivr_mulr // mul1r ltW.
  rewrite (eq_bigr _ (fun i _ => part i)) (bigID S) /= (eq_bigr (fun i => a i * f i / mean - a i)) => [|i ->//].
  rewrite [X in _ + X](eq_bigr (fun i => a i - a i * f i / mean)) => [|i /negbTE ->//].
  rewrite !sumrB -!mulr_suml -/hi -/lo -/p -/p'.
  have -> : p' = 1 - p by rewrite -p_sum addrC addKr.
  have -> : lo / mean = 1 - hi / mean.
    by apply/eqP; rewrite eq_sym subr_eq -mulrDl [lo + hi]addrC -mean_sum divff ?lt0r_neq0.
  by move: (hi / mean) => h; ring.
rewrite total ler_pmul2l ?ltr0n //.
have E1_gt0 : 0 < E + 1 by exact: addr_gt0 E_gt0 ltr01.
have E1_ge0 := ltW E1_gt0; have Ei_ge0 := ltW Ei_gt0.
have q_ge0 : 0 <= E - 1 + p * (E + 1) by rewrite addr_ge0 ?subr_ge0 ?mulr_ge0.
have hi_ge0 : 0 <= hi by rewrite sumr_ge0 // => i _; rewrite mulr_ge0 // (le_trans Ei_ge0) //; case/andP: (f_in i).
have lo_ge0 : 0 <= lo by apply: le_trans lo_ge; rewrite mulr_ge0.
rewrite ler_pdivl_mulr // -(ler_pmul2r mean_gt0) mulrAC mulrBl divfK ?lt0r_neq0 // mean_sum.
have -> : (hi - p * (hi + lo)) * (E + 1) = (p' * hi - p * lo) * (E + 1) by rewrite -[p']addr0 -(subrr p) addrCA addrA p_sum; ring.
have step : (p' * hi - p * lo) * (E + 1) <= (E - 1) * (hi + lo).
  rewrite -subr_ge0.
  have -> : (E - 1) * (hi + lo) - (p' * hi - p * lo) * (E + 1)
      = lo * ((E - 1) + p * (E + 1)) - hi * (p' * (E + 1) - (E - 1)) by ring.
  have p'E : p' = 1 - p by rewrite -p_sum addrC addKr.
  rewrite p'E; have -> : (1 - p) * (E + 1) - (E - 1) = 2%:R - p * (E + 1) by ring.
  case: (lerP (2%:R - p * (E + 1)) 0) => sgn.
    by rewrite subr_ge0; apply: le_trans (_ : 0 <= _); rewrite ?mulr_ge0_le0 ?mulr_ge0.
  rewrite subr_ge0; apply: le_trans (_ : p * E * (2%:R - p * (E + 1)) <= _); first by rewrite ler_pmul2r.
  apply: le_trans (_ : (1 - p) * E^-1 * (E - 1 + p * (E + 1)) <= _); last by rewrite ler_wpmul2r -?p'E.
  rewrite -(ler_pmul2r E_gt0) -subr_ge0.
  have -> : (1 - p) * E^-1 * (E - 1 + p * (E + 1)) * E = (E^-1 * E) * ((1 - p) * (E - 1 + p * (E + 1))) by ring.
  rewrite mulVf ?lt0r_neq0 // mul1r.
  have -> : (1 - p) * (E - 1 + p * (E + 1)) - p * E * (2%:R - p * (E + 1)) * E = (E - 1) * (p * E + p - 1) ^+ 2 + 0 * p by ring.
  by rewrite mul0r addr0 mulr_ge0 ?sqr_ge0 ?subr_ge0.
by rewrite -mean_sum in step *; exact: step.
Qed.

(** The decision: a computed margin above rho is a margin above 0; on logits rho = sqrt 2 * r serves. *)
Theorem decision (M M' rho : R) : `|M' - M| <= rho -> rho < M' -> 0 < M.
Proof.
rewrite ler_norml => /andP[_ le] lt; have : M' < M + M' by apply: le_lt_trans (_ : M + rho < _); rewrite ?ltr_add2l // addrC -ler_subl_addr.
by rewrite -[X in X < _]add0r ltr_add2r.
Qed.
Theorem margin_of_logits k (y x : 'rV[R]_k) r i j : within_radius y x r -> ((y 0 i - y 0 j) - (x 0 i - x 0 j)) ^+ 2 <= 2%:R * r ^+ 2.
Proof.
move=> [_ le_r]; have -> : (y 0 i - y 0 j) - (x 0 i - x 0 j) = (y - x) 0 i - (y - x) 0 j by rewrite !mxE opprB addrACA [in RHS]opprB [in RHS]addrACA; congr (_ + _); rewrite addrC.
by apply: le_trans (diff_sq _ i j) _; rewrite ler_pmul2l ?ltr0n.
Qed.
End Radii.

(** docs/rules/evaluation.md: what decisions of single inputs prove of a set of inputs (of a block, of all inputs). *)
Theorem evaluation (T : finType) (B : {set T}) (correct right wrong : pred T) :
  (forall x, x \in B -> right x -> correct x) -> (forall x, x \in B -> wrong x -> ~~ correct x) ->
  [/\ (#|[set x in B | right x]| <= #|[set x in B | correct x]|)%N, (#|[set x in B | wrong x]| <= #|[set x in B | ~~ correct x]|)%N &
      (forall x, x \in B -> right x || wrong x) -> #|[set x in B | right x]| = #|[set x in B | correct x]| :> nat].
Proof.
move=> rightP wrongP; split.
- by apply: subset_leq_card; apply/subsetP => x; rewrite !inE => /andP[xB rx]; rewrite xB rightP.
- by apply: subset_leq_card; apply/subsetP => x; rewrite !inE => /andP[xB wx]; rewrite xB wrongP.
move=> decided; apply: eq_card => x; rewrite !inE; case xB: (x \in B) => //=; apply/idP/idP; first exact: rightP.
by move=> cx; case/orP: (decided x xB) => // wx; have := wrongP x xB wx; rewrite cx.
Qed.
