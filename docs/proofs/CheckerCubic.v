(** The third checker's cubic rule and its count: upper bounds of Lambda from enclosed weights, in integers. *)
From Coq Require Import ZArith Reals Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import Rstruct.
From Proofcheck Require Import Semantics Separability Blocks CountClasses Extremes Cubic RealNumbers CheckerTerms CheckerRules.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Program.
Variables (n' d' q m : nat) (zU zE zP zT : nat -> nat -> Z) (lo hi : nat -> nat -> nat -> Z).

(** The largest value over the rivals of m (0 if there is none). *)
Definition largest (f : nat -> Z) (r : seq nat) : Z := if r is a :: r' then foldr (fun o acc => Z.max (f o) acc) (f a) r' else Z0.
Definition position_gain (o : nat) : Z := largest (fun i => Z.sub (zP i o) (zP i m)) (iota 0 n'.+1).
Definition direct_gain : Z := largest (fun o => Z.sub (zU q o) (zU q m)) (rivals d' m).
Definition value_gain (gains : nat -> Z) (k : nat) : Z := largest (fun o => Z.add (Z.sub (zE k o) (zE k m)) (gains o)) (rivals d' m).

(** An upper end of weight * x. *)
Definition upper (i k : nat) (x : Z) : Z := if Z.leb Z0 x then Z.mul (hi q i k) x else Z.mul (lo q i k) x.
Definition sum_over (f : nat -> Z) (r : seq nat) : Z := foldr (fun i acc => Z.add (f i) acc) Z0 r.

Definition order : seq nat := sort (fun i j => Z.leb (zT q i) (zT q j)) (iota 0 n').
Definition lambda_upper (bonus : nat -> Z) (on_m others : seq nat) (k : nat) : Z :=
  Z.add (Z.add (sum_over (fun i => upper i m (bonus m)) on_m) (sum_over (fun i => upper i k (bonus k)) others)) (upper n' q (bonus q)).
Definition token_proved (bonus : nat -> Z) (ordered : seq nat) (p k : nat) : bool :=
  Z.ltb (lambda_upper bonus (take (n' - p) ordered) (drop (n' - p) ordered) k) Z0
  && Z.ltb (lambda_upper bonus (drop p ordered) (take p ordered) k) Z0.
Definition zero_proved (gains : nat -> Z) : bool :=
  all (fun o => let b := Z.add (Z.sub (zU q o) (zU q m)) (gains o) in
    if (q < m)%N then (0 < n')%N && Z.ltb (Z.add (sum_over (fun i => upper i m (Z.sub (Z.add b (zE m o)) (zE m m))) (iota 0 n'))
                                     (upper n' q (Z.sub (Z.add b (zE q o)) (zE q m)))) Z0
    else Z.ltb (Z.sub (Z.add b (zE m o)) (zE m m)) Z0) (rivals d' m).
Definition cubic_count_z : Z :=
  let gain_list := [seq position_gain o | o <- iota 0 d'.+1] in let gains o := nth Z0 gain_list o in
  let direct := direct_gain in
  let bonus_list := [seq Z.add direct (value_gain gains k) | k <- iota 0 m.+1] in let bonus k := nth Z0 bonus_list k in
  let ordered := order in
  Z.add (if zero_proved gains then Z.one else Z0)
    (sum_z (fun a => let p := a.+1 in if (p < n')%N || (q == m)
       then Z.mul (Z.of_nat (binomial n' p)) (Z.pow (Z.of_nat (count (token_proved bonus ordered p) (iota 0 m))) (Z.of_nat p)) else Z0) n').
End Program.

Lemma largest_max f r o : o \in r -> Z.le (f o) (largest f r).
Proof.
case: r => //= a r; have above s z : Z.le z (foldr (fun o acc => Z.max (f o) acc) z s).
  by elim: s => [|b s IH] /=; [exact: Z.le_refl | exact: Z.le_trans IH (Z.le_max_r _ _)].
rewrite inE => /orP[/eqP -> | ]; first exact: above.
elim: r => //= b r IH; rewrite inE => /orP[/eqP -> | /IH le]; first exact: Z.le_max_l.
exact: Z.le_trans le (Z.le_max_r _ _).
Qed.
Lemma IZR_sum_over f r : IZR (sum_over f r) = \sum_(i <- r) IZR (f i) :> R.
Proof. by rewrite /sum_over; elim: r => [|i r IH] /=; rewrite ?big_nil // big_cons IZR_add IH. Qed.

Lemma card_count d' (P : pred nat) m : (m <= d')%N -> #|[set k : 'I_d' | (k < m)%N && P k]| = count P (iota 0 m).
Proof.
move=> le_m; rewrite -sum1_count -sum1dep_card -{2}[m]subn0 -/(index_iota 0 m) (big_nat_widen 0 m d' P (fun=> 1%N) le_m) big_mkord.
by apply: eq_bigl => k; rewrite andbC.
Qed.

Lemma sum_z_nat (f : nat -> Z) (g : nat -> nat) n :
  (forall a, (a < n)%N -> f a = Z.of_nat (g a)) -> sum_z f n = Z.of_nat (\sum_(a < n) g a).
Proof.
move=> fg; rewrite -(big_mkord xpredT g) /sum_z /index_iota subn0.
have: all (fun a => a < n)%N (iota 0 n) by apply/allP => a; rewrite mem_iota.
elim: (iota 0 n) => [|a r IH] /=; first by rewrite big_nil.
by case/andP=> lt_a /IH ->; rewrite big_cons Nat2Z.inj_add fg.
Qed.

Section Soundness.
Variables (n' d' : nat) (root c : R) (t : tables R_realFieldType n' d') (q m : 'I_d'.+1).
Variables (zU zE zP zT : nat -> nat -> Z) (lo hi : nat -> nat -> nat -> Z) (scale unit : R).
Notation e := real_exponential.
Implicit Types (x : input n' d') (k o : 'I_d'.+1).
Hypothesis root_gt0 : 0 < root.
Hypothesis c_gt0 : 0 < c.
Hypothesis unit_gt0 : 0 < unit.
Hypothesis scale_gt0 : 0 < scale.
Hypothesis le_qm : (q <= m)%N.
Hypothesis tU : forall q o : 'I_d'.+1, EUPU t q o = c * IZR (zU q o).
Hypothesis tE : forall k o : 'I_d'.+1, EVOU t k o = c * IZR (zE k o).
Hypothesis tP : forall (i : 'I_n'.+1) o, PVOU t i o = c * IZR (zP i o).
Hypothesis tT : forall (i : 'I_n'.+1), EQKP t q i = IZR (zT q i) * unit.
Hypothesis enclosed : forall (i : 'I_n'.+1) k, IZR (lo q i k) <= scale * weight e root t q i k <= IZR (hi q i k).
Hypothesis enclosed_ge0 : forall (i : 'I_n'.+1) k, 0 <= IZR (lo q i k) :> R.

Notation w := (wpos e root t q). Notation v := (vtok e root t q).

Lemma upper_ge (i : 'I_n'.+1) k z : scale * (w i * v k * IZR z) <= IZR (upper q lo hi i k z).
Proof.
have /andP[le_lo le_hi] := enclosed i k; rewrite mulrA -weight_factors /upper.
case: (Z.leb_spec Z0 z) => [/Z.leb_le ge0 | lt0]; rewrite IZR_mul; first by rewrite ler_wpmul2r ?IZR_ge0.
by rewrite ler_wnmul2r //; apply/RleP/(IZR_le _ Z0); exact: Z.lt_le_incl.
Qed.

Let gains (o : nat) := nth Z0 [seq position_gain n' m zP a | a <- iota 0 d'.+1] o.
Let bonus (k : nat) := nth Z0 [seq Z.add (direct_gain d' q m zU) (value_gain d' m zE gains a) | a <- iota 0 m.+1] k.
Let PV o : R := c * IZR (gains o).
Let EU (q' : 'I_d'.+1) : R := c * IZR (largest (fun o : nat => Z.sub (zU q' o) (zU q' m)) (rivals d' m)).
Let G (k : 'I_d'.+1) : R := c * IZR (value_gain d' m zE gains k).

Lemma gains_at (o : 'I_d'.+1) : gains o = position_gain n' m zP o.
Proof. by rewrite /gains (nth_map 0%N) ?size_iota // nth_iota. Qed.
Lemma PV_max o (i : 'I_n'.+1) : o != m -> PVOU t i o - PVOU t i m <= PV o.
Proof.
move=> om; rewrite !tP -mulrBr ler_pmul2l // -IZR_sub gains_at; apply: IZR_leP.
by apply: (@largest_max (fun i => Z.sub (zP i o) (zP i m))); rewrite mem_iota add0n ltn_ord.
Qed.
Lemma EU_max (q' : 'I_d'.+1) o : o != m -> EUPU t q' o - EUPU t q' m <= EU q'.
Proof.
move=> om; rewrite !tU -mulrBr ler_pmul2l // -IZR_sub; apply: IZR_leP.
by apply: (@largest_max (fun o : nat => Z.sub (zU q' o) (zU q' m))); rewrite rival_mem.
Qed.
Lemma G_max k o : o != m -> EVOU t k o - EVOU t k m + PV o <= G k.
Proof.
move=> om; rewrite !tE -mulrBr -mulrDr ler_pmul2l // -IZR_sub -IZR_add; apply: IZR_leP.
by apply: (@largest_max (fun o : nat => Z.add (Z.sub (zE k o) (zE k m)) (gains o))); rewrite rival_mem.
Qed.
Lemma bonus_at k : (k <= m)%N -> c * IZR (bonus k) = EU q + G k.
Proof. by move=> le_km; rewrite /bonus (nth_map 0%N) ?size_iota // nth_iota // add0n IZR_add mulrDr. Qed.

(** Sets of positions as lists. *)
Notation ordered := (order n' q zT).
Lemma ordered_perm : perm_eq ordered (iota 0 n'). Proof. exact: permEl (perm_sort _ _). Qed.
Lemma ordered_uniq : uniq ordered. Proof. by rewrite (perm_uniq ordered_perm) iota_uniq. Qed.
Lemma ordered_size : size ordered = n'. Proof. by rewrite (perm_size ordered_perm) size_iota. Qed.
Lemma ordered_mem i : (i \in ordered) = (i < n')%N. Proof. by rewrite (perm_mem ordered_perm) mem_iota. Qed.
Definition positions (r : seq nat) : {set 'I_n'.+1} := [set i : 'I_n'.+1 | (i : nat) \in r].
Lemma ordered_sorted : sorted (fun i j => Z.leb (zT q i) (zT q j)) ordered.
Proof. by apply: sort_sorted => i j; case: (Z.leb_spec (zT q i) (zT q j)) => //= /Z.lt_le_incl/Z.leb_le ->. Qed.
Lemma leT_trans : transitive (fun i j => Z.leb (zT q i) (zT q j)).
Proof. by move=> a b d /Z.leb_le le1 /Z.leb_le le2; apply/Z.leb_le; exact: Z.le_trans le1 le2. Qed.
Lemma w_mono (i j : 'I_n'.+1) : Z.leb (zT q i) (zT q j) -> w i <= w j.
Proof.
move=> /Z.leb_le le; rewrite /wpos; apply: ex_le; rewrite ler_pmul2r ?invr_gt0 // !tT ler_pmul2r //; exact: IZR_leP.
Qed.

Lemma sum_positions (F : nat -> R) (r : seq nat) : uniq r -> {subset r <= ordered} ->
  \sum_(i <- r) F i = \sum_(i in positions r) F i.
Proof.
move=> u sub; rewrite (eq_bigl (fun i : 'I_n'.+1 => (i : nat) \in r)) => [|i]; last by rewrite inE.
rewrite -(big_mkord (fun i => i \in r) F) -[RHS]big_filter.
apply: perm_big; apply: uniq_perm => //.
  by rewrite filter_uniq // iota_uniq.
move=> i; rewrite mem_filter mem_index_iota /=; case: (boolP (i \in r)) => //= ir.
by have := sub i ir; rewrite ordered_mem => lt_i; rewrite (leq_trans lt_i).
Qed.
Lemma card_positions (r : seq nat) : uniq r -> {subset r <= ordered} -> #|positions r| = size r.
Proof.
move=> u sub; apply/eqP; rewrite -(eqr_nat R_numDomainType) -sumr_const -(sum_positions (fun=> 1)) //.
by rewrite big_const_seq count_predT iter_addr_0.
Qed.
Lemma positions_before (r : seq nat) (i : 'I_n'.+1) : {subset r <= ordered} -> i \in positions r -> i != ord_max.
Proof. by move=> sub; rewrite inE => /sub; rewrite ordered_mem -val_eqE /= => lt_i; rewrite ltn_eqF. Qed.

Notation before := (fun i : 'I_n'.+1 => i != ord_max).
Lemma split_sorted a (i j : nat) : i \in take a ordered -> j \in drop a ordered -> Z.leb (zT q i) (zT q j).
Proof.
have := ordered_sorted; rewrite (sorted_pairwise leT_trans) -{1}[ordered](cat_take_drop a) pairwise_cat => /and3P[/allrelP le _ _] i_in j_in.
exact: le.
Qed.
Lemma sub_take a : {subset take a ordered <= ordered}. Proof. exact: mem_take. Qed.
Lemma sub_drop a : {subset drop a ordered <= ordered}. Proof. exact: mem_drop. Qed.
Lemma mem_take_drop a (i : nat) : (i < n')%N -> (i \in take a ordered) (+) (i \in drop a ordered).
Proof.
move=> lt_i; have some : (i \in take a ordered) || (i \in drop a ordered) by rewrite -mem_cat cat_take_drop ordered_mem.
have one : ~~ ((i \in take a ordered) && (i \in drop a ordered)).
  have := ordered_uniq; rewrite -[X in uniq X](cat_take_drop a) cat_uniq => /and3P[_ /hasPn no _].
  by apply/negP => /andP[i_take i_drop]; have := no i i_drop; rewrite /= i_take.
by move: some one; case: (i \in take a ordered); case: (i \in drop a ordered).
Qed.

Lemma smallest_take a : (a <= n')%N -> sum_of_smallest before w a (\sum_(i in positions (take a ordered)) w i).
Proof.
move=> le_a; exists (positions (take a ordered)) => //; split.
- by move=> i; exact: positions_before (@sub_take a).
- by rewrite card_positions ?take_uniq ?ordered_uniq ?size_takel ?ordered_size //; exact: sub_take.
move=> i j; rewrite !inE => i_in nj j_out; apply: w_mono; apply: split_sorted i_in _.
have lt_j : (j < n')%N by rewrite -ltnS ltn_neqAle ltn_ord andbT eqSS; apply: contra nj => /eqP E; apply/eqP/val_inj.
by have := mem_take_drop a lt_j; rewrite (negbTE j_out).
Qed.
Lemma largest_drop a : (a <= n')%N -> sum_of_largest before w (n' - a) (\sum_(i in positions (drop a ordered)) w i).
Proof.
move=> le_a; exists (positions (drop a ordered)) => //; split.
- by move=> i; exact: positions_before (@sub_drop a).
- by rewrite card_positions ?drop_uniq ?ordered_uniq ?size_drop ?ordered_size //; exact: sub_drop.
move=> i j; rewrite !inE => i_in nj j_out; apply: w_mono; apply: (split_sorted (a := a)) i_in.
have lt_j : (j < n')%N by rewrite -ltnS ltn_neqAle ltn_ord andbT eqSS; apply: contra nj => /eqP E; apply/eqP/val_inj.
by have := mem_take_drop a lt_j; rewrite (negbTE j_out) addbF.
Qed.

Lemma cancel_c (a b z : R) : scale * c^-1 * (a * (b * (c * z))) = scale * (a * b * z).
Proof.
have -> : a * (b * (c * z)) = c * (a * b * z) by rewrite [b * _]mulrCA [a * _]mulrCA -mulrA.
by rewrite mulrA mulfVK ?gt_eqF.
Qed.

Lemma lambda_lt0 (on_m others : seq nat) k : (k <= m)%N ->
  uniq on_m -> uniq others -> {subset on_m <= ordered} -> {subset others <= ordered} ->
  (forall i : 'I_n'.+1, i != ord_max -> ((i : nat) \in on_m) (+) ((i : nat) \in others)) ->
  Z.ltb (lambda_upper n' q m lo hi bonus on_m others k) Z0 ->
  Lambda e root t m EU G q k (\sum_(i in positions on_m) w i) < 0.
Proof.
move=> le_km u_m u_o sub_m sub_o split /Z.ltb_lt neg; have {}neg : IZR (lambda_upper n' q m lo hi bonus on_m others k) < 0 :> R.
  by apply/RltP; exact: (IZR_lt _ Z0).
have rest : total e root t q - \sum_(i in positions on_m) w i = \sum_(i in positions others) w i.
  apply/eqP; rewrite subr_eq /total addrC (bigID (mem (positions on_m))) /=; apply/eqP; congr (_ + _); apply: eq_bigl => i.
    by apply: andb_idl => i_in; exact: positions_before sub_m i_in.
  rewrite !inE; case: (boolP (i != ord_max)) => [ni | /negPn/eqP ->] /=.
    by have := split i ni; case: (_ \in on_m); case: (_ \in others).
  by apply/esym/negbTE/negP => /sub_o; rewrite ordered_mem ltnn.
rewrite /Lambda rest -(pmulr_rlt0 _ (mulr_gt0 scale_gt0 (_ : 0 < c^-1))) ?invr_gt0 //.
apply: le_lt_trans neg; rewrite /lambda_upper !IZR_add !IZR_sum_over.
have part (r : seq nat) (k' : 'I_d'.+1) : (k' <= m)%N -> uniq r -> {subset r <= ordered} ->
    scale * c^-1 * ((\sum_(i in positions r) w i) * (v k' * (EU q + G k'))) <= \sum_(i <- r) IZR (upper q lo hi i k' (bonus k')).
  move=> le_k' u sub; rewrite (sum_positions (fun i => IZR (upper q lo hi i k' (bonus k')))) // mulr_suml mulr_sumr; apply: ler_sum => i _.
  apply: le_trans (upper_ge i k' (bonus k')); rewrite -bonus_at // le_eqVlt; apply/orP; left; apply/eqP.
  exact: cancel_c.
rewrite mulrDr [X in X + _ <= _]mulrDr; apply: ler_add; first by apply: ler_add; exact: part.
apply: le_trans (upper_ge ord_max q (bonus q)); rewrite -bonus_at // le_eqVlt; apply/orP; left; apply/eqP.
exact: cancel_c.
Qed.

Lemma zero_sound : zero_proved n' d' q m zU zE lo hi gains -> cubic_proved e root t m PV EU G q 0 set0.
Proof.
move=> /allP ok; split=> [k | lt_qm |]; first by rewrite inE.
  case: (altP (n' =P 0%N)) => [n0 | ]; last by rewrite lt0n.
  have [o om] : exists o : 'I_d'.+1, o != m by exists q; rewrite -val_eqE /= ltn_eqF.
  by have := ok o; rewrite rival_mem om lt_qm => /(_ isT) /andP[].
exists (fun o => c * IZR (Z.add (Z.sub (zU q o) (zU q m)) (gains o))) => o om.
  by rewrite !tU -mulrBr -mulrDr ler_pmul2l // -IZR_sub -IZR_add lexx.
have := ok o; rewrite rival_mem om => /(_ isT) /=; set b := Z.add (Z.sub _ _) _; case: ifP => lt_qm.
  move=> /andP[_ /Z.ltb_lt neg]; have {}neg : IZR (Z.add (sum_over (fun i => upper q lo hi i m (Z.sub (Z.add b (zE m o)) (zE m m))) (iota 0 n')) (upper q lo hi n' q (Z.sub (Z.add b (zE q o)) (zE q m)))) < 0 :> R.
    by apply/RltP; exact: (IZR_lt _ Z0).
  rewrite -(pmulr_rlt0 _ (mulr_gt0 scale_gt0 (_ : 0 < c^-1))) ?invr_gt0 //; apply: le_lt_trans neg.
  rewrite IZR_add IZR_sum_over !tE mulrDr.
  have pull (i : 'I_n'.+1) k (z : Z) : scale * c^-1 * (w i * v k * (c * IZR z)) <= IZR (upper q lo hi i k z).
    apply: le_trans (upper_ge i k z); rewrite le_eqVlt; apply/orP; left; apply/eqP.
    by rewrite -(mulrA (w i)) cancel_c.
  have fold k : c * IZR b + c * IZR (zE k o) - c * IZR (zE k m) = c * IZR (Z.sub (Z.add b (zE k o)) (zE k m)).
    by rewrite -mulrDr -mulrBr IZR_sub IZR_add.
  rewrite !fold; apply: ler_add; last exact: pull.
  have -> : \sum_(i <- iota 0 n') IZR (upper q lo hi i m (Z.sub (Z.add b (zE m o)) (zE m m))) =
      \sum_(i < n') IZR (upper q lo hi i m (Z.sub (Z.add b (zE m o)) (zE m m))) :> R.
    by rewrite -(big_mkord xpredT (fun i => IZR (upper q lo hi i m (Z.sub (Z.add b (zE m o)) (zE m m))))) /index_iota subn0.
  rewrite /total sum_before !mulr_suml mulr_sumr; apply: ler_sum => i _; exact: (pull (widen_ord (leqnSn n') i)).
move=> /Z.ltb_lt neg; rewrite !tE -mulrDr -mulrBr pmulr_rlt0 // -IZR_add -IZR_sub; apply/RltP; exact: (IZR_lt _ Z0).
Qed.

Theorem cubic_count_sound :
  Z.le (cubic_count_z n' d' q m zU zE zP zT lo hi) (Z.of_nat #|[set x in block q m | tcorrect e root t x]|).
Proof.
pose S p : {set 'I_d'.+1} := [set k : 'I_d'.+1 | (k < m)%N && token_proved n' q m lo hi bonus ordered p k].
pose K (p : 'I_n'.+1) := if p == ord0 then (if zero_proved n' d' q m zU zE lo hi gains then Some set0 else None)
  else if (p < n')%N || (q == m) then Some (S p) else None.
have cardS p : #|S p| = count (token_proved n' q m lo hi bonus ordered p) (iota 0 m) by exact: card_count (ltnW (ltn_ord m)).
have proved : (\sum_p (if K p is Some A then 'C(n', p) * #|A| ^ p else 0) <= #|[set x in block q m | tcorrect e root t x]|)%N.
  apply: (cubic_count (PV := PV) (EU := EU) (G := G) PV_max EU_max G_max) => // p A; rewrite /K.
  case: (eqVneq p ord0) => [-> | p_neq0]; first by case: ifP => // z [<-]; exact: zero_sound.
  case: ifP => // room [<-]; split=> [k | lt_qm |].
  - by rewrite inE => /andP[].
  - by move: room; rewrite orbC; case: eqP => [E | _] //=; rewrite E ltnn in lt_qm.
  have p_gt0 : (0 < p)%N by rewrite lt0n; apply: contra p_neq0 => /eqP E; apply/eqP/val_inj.
  have le_p : (p <= n')%N by rewrite -ltnS ltn_ord.
  case E : (val p) p_gt0 => [//|a] _; rewrite -{a}E.
  exists (\sum_(i in positions (take (n' - p) ordered)) w i), (\sum_(i in positions (drop p ordered)) w i); split.
  - exact/smallest_take/leq_subr.
  - exact: largest_drop.
  have split_at a (i : 'I_n'.+1) : i != ord_max -> ((i : nat) \in take a ordered) (+) ((i : nat) \in drop a ordered).
    by move=> ni; apply: mem_take_drop; rewrite -ltnS ltn_neqAle ltn_ord andbT eqSS; apply: contra ni => /eqP e_i; apply/eqP/val_inj.
  move=> k; rewrite inE => /andP[lt_km /andP[neg1 neg2]]; have le_km := ltnW lt_km.
  split; [apply: lambda_lt0 neg1 | apply: lambda_lt0 neg2]; rewrite ?take_uniq ?drop_uniq ?ordered_uniq //; try exact: mem_take; try exact: mem_drop.
    exact: split_at.
  by move=> i ni; rewrite addbC; exact: split_at.
apply: Z.le_trans (inj_le _ _ (elimT ssrnat.leP proved)).
rewrite big_ord_recl Nat2Z.inj_add /cubic_count_z; apply: Z.add_le_mono.
  by rewrite /K eqxx -/gains; case: ifP => _; rewrite ?bin0 ?expn0 ?cards0; exact: Z.le_refl.
have pow a b : Z.pow (Z.of_nat a) (Z.of_nat b) = Z.of_nat (a ^ b)%N.
  by elim: b => [|b IH]; rewrite ?expn0 // Nat2Z.inj_succ Z.pow_succ_r ?IH ?expnS ?Nat2Z.inj_mul //; exact: Nat2Z.is_nonneg.
pose g (a : nat) := (if (a.+1 < n')%N || (q == m) then 'C(n', a.+1) * count (token_proved n' q m lo hi bonus ordered a.+1) (iota 0 m) ^ a.+1 else 0)%N.
rewrite (eq_bigr (fun i : 'I_n' => g i)) => [|i _]; last first.
  by rewrite /K /g eq_sym (negbTE (neq_lift ord0 i)) lift0; case: ifP => // _; rewrite cardS.
rewrite (sum_z_nat (g := g)) => [|a _]; first exact: Z.le_refl.
by rewrite /g; case: ifP => _ //; rewrite pow Nat2Z.inj_mul.
Qed.
End Soundness.
