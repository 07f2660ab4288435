(** The third checker's count of a block by bins: its dynamic program is that of BoundedSums.v, and what it subtracts is enough. *)
From Coq Require Import ZArith Reals Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import Rstruct.
From Proofcheck Require Import Semantics Separability Blocks SeparableMinimum SeparableCounting BoundedSums RealNumbers CheckerTerms CheckerRules.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section DynamicProgram.
Variables (d' : nat) (b : nat -> nat -> nat) (tokens window : nat).
Hypothesis le_tokens : (tokens <= d'.+1)%N.
Let T : {set 'I_d'.+1} := [set k : 'I_d'.+1 | (k < tokens)%N].
Let b' (i : nat) (k : 'I_d'.+1) : nat := b i k.

Lemma size_shifted_add acc st s : (size acc <= s + size st)%N -> size (shifted_add acc st s) = size acc.
Proof.
rewrite /shifted_add -[(s + size st)%N]/(s + size st)%N; move: (nseq s Z0 ++ st) (size_cat (nseq s Z0) st) => l.
rewrite size_nseq => <-; elim: acc l => [|a acc IH] [|c l] //=; rewrite ltnS => /IH; by move=> ->.
Qed.
Lemma nth_shifted_add acc st s k : (size acc <= s + size st)%N -> (k < size acc)%N ->
  nth Z0 (shifted_add acc st s) k = Z.add (nth Z0 acc k) (if (s <= k)%N then nth Z0 st (k - s) else Z0).
Proof.
have -> : (if (s <= k)%N then nth Z0 st (k - s) else Z0) = nth Z0 (nseq s Z0 ++ st) k.
  by rewrite nth_cat size_nseq leqNgt; case: ltnP => // lt_ks; rewrite nth_nseq lt_ks.
rewrite /shifted_add; move: (nseq s Z0 ++ st) (size_cat (nseq s Z0) st) => l; rewrite size_nseq => <-.
by elim: acc l k => [|a acc IH] [|c l] [|k] //=; rewrite !ltnS => le_s lt_k; apply: IH.
Qed.

Lemma dp_spec p : size (dp b tokens window p) = window.+1 /\
  forall s, (s <= window)%N -> nth Z0 (dp b tokens window p) s = Z.of_nat (states T b' p s).
Proof.
elim: p => [|p [size_st st_spec]].
  by split=> [|[|s] le_s] /=; rewrite ?size_nseq // nth_nseq; case: ifP.
set st := dp b tokens window p in size_st st_spec.
pose add r := foldr (fun k acc => shifted_add acc st (b p k)) (nseq window.+1 Z0) r.
have size_add r : size (add r) = window.+1.
  elim: r => [|k r IH] /=; first by rewrite size_nseq.
  by rewrite size_shifted_add IH // size_st leq_addl.
have nth_add r s : (s <= window)%N ->
    nth Z0 (add r) s = Z.of_nat (\sum_(k <- r) (if (b p k <= s)%N then states T b' p (s - b p k) else 0%N)).
  move=> le_s; elim: r => [|k r IH] /=.
    by rewrite big_nil -[nth _ _ _]/(nth Z0 (nseq window.+1 Z0) s) nth_nseq ltnS le_s.
  rewrite nth_shifted_add ?size_add ?size_st ?leq_addl ?ltnS // IH big_cons Nat2Z.inj_add Z.add_comm; congr (Z.add _ _).
  by case: ifP => // le_b; rewrite st_spec // (leq_trans (leq_subr _ _)).
split=> [|s le_s]; first exact: size_add.
rewrite -[dp _ _ _ _]/(add (iota 0 tokens)) nth_add //=; congr Z.of_nat.
pose F (k : nat) := if (b p k <= s)%N then states T b' p (s - b p k) else 0%N.
have E : iota 0 tokens = index_iota 0 tokens by rewrite /index_iota subn0.
rewrite E.
rewrite (big_nat_widen 0 tokens d'.+1 predT F le_tokens) big_mkord; apply: eq_bigl => k.
by rewrite [in RHS]inE.
Qed.

Lemma dp_sum n' : foldr Z.add Z0 (dp b tokens window n') = Z.of_nat (count_bounded T b' n' window).
Proof.
have [sz spec] := dp_spec n'; rewrite /count_bounded.
rewrite -(big_mkord xpredT (fun s => states T b' n' s)) /index_iota subn0.
have -> : dp b tokens window n' = [seq Z.of_nat (states T b' n' s) | s <- iota 0 window.+1].
  apply: (@eq_from_nth _ Z0); rewrite ?size_map ?size_iota // sz => s lt_s.
  by rewrite (nth_map 0%N) ?size_iota // nth_iota // spec.
by elim: (iota 0 window.+1) => [|s r IH] /=; rewrite ?big_nil // big_cons Nat2Z.inj_add IH.
Qed.
End DynamicProgram.

Section Group.
Variables (n' d' : nat) (q m : 'I_d'.+1).
Implicit Types (x : input n' d') (k j : 'I_d'.+1) (i : 'I_n'.+1).
Hypothesis le_qm : (q <= m)%N.

Lemma IZR_to_nat z : Z.le Z0 z -> (Z.to_nat z)%:R = IZR z :> R.
Proof. by move=> ge0; rewrite -IZR_nat Z2Nat.id. Qed.

(** The bins of one group: l the terms, mu lower bounds, o shifts, h the width, W the window. *)
Lemma few_failures (l : nat -> nat -> Z) (mu o : nat -> Z) (last B h W : Z) (b : nat -> nat -> nat) :
  Z.lt Z0 h -> Z.le Z0 W -> Z.le (Z.div (Z.add B (sum_z o n')) h) W ->
  (forall i k : nat, (i < n')%N -> (k <= m)%N -> Z.le (mu i) (l i k)) -> (forall i : nat, (i < n')%N -> Z.le Z0 (o i)) ->
  B = Z.opp (Z.add last (sum_z mu n')) ->
  (forall i k : nat, (i < n')%N -> (k <= m)%N -> b i k = Z.to_nat (Z.min (Z.div (Z.add (Z.sub (l i k) (mu i)) (o i)) h) (Z.succ W))) ->
  (#|[set x : input n' d' in block q m | ~~ (0 < IZR last + \sum_(i < n'.+1 | i != ord_max) IZR (l i (x i)) :> R)%R]|
   <= count_bounded [set k : 'I_d'.+1 | k < m.+1] (fun (i : nat) (k : 'I_d'.+1) => b i k) n' (Z.to_nat W)
      - (q < m) * count_bounded [set k : 'I_d'.+1 | k < m] (fun (i : nat) (k : 'I_d'.+1) => b i k) n' (Z.to_nat W))%N.
Proof.
move=> h_gt0 W_ge0 le_W le_mu o_ge0 eB eb; rewrite -(card_block_bounded n' _ _ le_qm).
apply: subset_leq_card; apply/subsetP => x; rewrite inE => /andP[xB fails]; rewrite inE xB /=.
have le_k i : (x i <= m)%N by exact: block_le xB.
have before (i : 'I_n'.+1) : i != ord_max -> (i < n')%N.
  by move=> ni; rewrite -ltnS ltn_neqAle ltn_ord andbT eqSS; apply: contra ni => /eqP E; apply/eqP/val_inj.
pose zb (i : 'I_n'.+1) := Z.div (Z.add (Z.sub (l i (x i)) (mu i)) (o i)) h.
have zb_ge0 (i : 'I_n'.+1) : i != ord_max -> Z.le Z0 (zb i).
  move=> /before lt_i; apply: Z.div_pos => //; have := le_mu i (x i) lt_i (le_k i); have := o_ge0 i lt_i; lia.
have hR : 0 < IZR h :> R by apply/RltP; exact: (IZR_lt Z0).
have le_sum : \sum_(i < n'.+1 | i != ord_max) IZR (zb i) <= IZR W :> R.
  have le_h : IZR h * (\sum_(i < n'.+1 | i != ord_max) IZR (zb i)) <= IZR (Z.add B (sum_z o n')).
    apply: le_trans (_ : \sum_(i < n'.+1 | i != ord_max) (IZR (l i (x i)) - IZR (mu i) + IZR (o i)) <= _).
      rewrite mulr_sumr; apply: ler_sum => i _; rewrite -IZR_mul -IZR_sub -IZR_add; apply: IZR_leP; exact: Z.mul_div_le.
    rewrite big_split sumrB /= IZR_add eB IZR_opp IZR_add !IZR_sum.
    rewrite (sum_before (fun i : 'I_n'.+1 => IZR (mu i))) (sum_before (fun i : 'I_n'.+1 => IZR (o i))) /= ler_add2r opprD ler_add2r.
    by move: fails; rewrite -leNgt addrC -ler_subr_addr sub0r.
  have lt_h : IZR (Z.add B (sum_z o n')) < IZR h * (IZR W + 1).
    have -> : IZR W + 1 = IZR (Z.succ W) by rewrite succ_IZR.
    rewrite -IZR_mul; apply/RltP/IZR_lt.
    have := Z.mul_succ_div_gt (Z.add B (sum_z o n')) h h_gt0; nia.
  pose S := foldr (fun i acc => Z.add (zb i) acc) Z0 [seq i <- index_enum (ordinal_finType n'.+1) | i != ord_max].
  have SE : \sum_(i < n'.+1 | i != ord_max) IZR (zb i) = IZR S.
    rewrite /S; elim: (index_enum _) => [|i r IH]; rewrite ?big_nil // big_cons /=.
    by case: ifP => _ /=; rewrite ?IZR_add IH.
  rewrite SE in le_h *; have := le_lt_trans le_h lt_h; rewrite ltr_pmul2l //.
  have -> : IZR W + 1 = IZR (Z.succ W) by rewrite succ_IZR.
  move=> /RltP/lt_IZR lt_S; apply: IZR_leP; lia.
rewrite -(ler_nat R_realFieldType) (IZR_to_nat W_ge0); apply: le_trans le_sum.
rewrite /bin_sum natr_sum; apply: ler_sum => i ni; rewrite (eb i (x i) (before i ni) (le_k i)) -/(zb i).
rewrite IZR_to_nat; first by apply: IZR_leP; exact: Z.le_min_l.
apply: Z.min_glb; [exact: zb_ge0 | lia].
Qed.

Variables (root : R) (t : tables R_realFieldType n' d') (L : nat -> nat -> nat -> Z) (scale : R).
Notation e := real_exponential.
Hypothesis scale_gt0 : 0 < scale.
Hypothesis L_lower : forall j i k, IZR (L j i k) <= scale * term e root t q m j i k.

Lemma group_term_le (g : seq nat) (j i k : nat) : j \in g -> Z.le (group_term L g i k) (L j i k).
Proof.
case: g => //= a g; have below r z : Z.le (foldr (fun (j' : nat) acc => Z.min (L j' i k) acc) z r) z.
  by elim: r => [|b r IH] /=; [exact: Z.le_refl | exact: Z.le_trans (Z.le_min_r _ _) IH].
rewrite inE => /orP[/eqP -> | ]; first exact: below.
elim: g => //= b g IH; rewrite inE => /orP[/eqP -> | /IH le]; first exact: Z.le_min_l.
exact: Z.le_trans (Z.le_min_r _ _) le.
Qed.

Definition group_fails (g : seq nat) x : bool :=
  ~~ (0 < IZR (group_term L g n' q) + \sum_(i < n'.+1 | i != ord_max) IZR (group_term L g i (x i)) :> R).

Lemma group_failures_sound bins g :
  Z.le (Z.of_nat #|[set x in block q m | group_fails g x]|) (group_failures n' q m L bins g).
Proof.
rewrite /group_failures; set rows := [seq [seq _ | k <- _] | i <- _]; set mus := [seq least _ _ | i <- _].
pose l (i k : nat) := nth Z0 (nth [::] rows i) k; pose mu (i : nat) := nth Z0 mus i.
rewrite -/l -/mu; set B := Z.opp _; set h := Z.max Z.one _; set os := [seq Z.max _ _ | i <- _].
pose o (i : nat) := nth Z0 os i; rewrite -/o; set W := Z.max Z0 (Z.div _ _); set bs := [seq [seq _ | k <- _] | i <- _].
have lE (i k : nat) : (i < n')%N -> (k <= m)%N -> l i k = group_term L g i k.
  move=> lt_i le_k; rewrite /l (nth_map 0%N) ?size_iota // (nth_map 0%N) ?size_iota ?ltnS // !nth_iota ?ltnS //.
have le_mu (i k : nat) : (i < n')%N -> (k <= m)%N -> Z.le (mu i) (l i k).
  by move=> lt_i le_k; rewrite /mu (nth_map 0%N) ?size_iota // nth_iota // add0n; exact: least_le.
have o_ge0 (i : nat) : (i < n')%N -> Z.le Z0 (o i).
  by move=> lt_i; rewrite /o (nth_map 0%N) ?size_iota //; exact: Z.le_max_l.
have before (i : 'I_n'.+1) : i != ord_max -> (i < n')%N.
  by move=> ni; rewrite -ltnS ltn_neqAle ltn_ord andbT eqSS; apply: contra ni => /eqP E; apply/eqP/val_inj.
have failsE x : x \in block q m ->
    group_fails g x = ~~ (0 < IZR (group_term L g n' q) + \sum_(i < n'.+1 | i != ord_max) IZR (l i (x i)) :> R).
  move=> xB; rewrite /group_fails; congr (~~ (0 < _ + _)); apply: eq_bigr => i ni.
  by rewrite lE ?before //; exact: block_le xB.
case: (Z.ltb_spec B Z0) => [B_lt0 | B_ge0].
  rewrite (_ : [set x in _ | _] = set0) ?cards0; first exact: Z.le_refl.
  apply/setP => x; rewrite in_set0 inE; apply/negP => /andP[xB]; rewrite failsE // => /negP; apply.
  apply: lt_le_trans (_ : IZR (Z.opp B) <= _); first by apply/RltP; apply: (IZR_lt Z0); lia.
  rewrite /B Z.opp_involutive IZR_add ler_add2l IZR_sum sum_before; apply: ler_sum => i _.
  by apply: IZR_leP; apply: le_mu => //; exact: block_le xB.
have h_gt0 : Z.lt Z0 h by rewrite /h; have := Z.le_max_l Z.one (Z.succ (Z.div B bins)); rewrite -[Z.one]/(Zpos xH); lia.
have W_ge0 : Z.le Z0 W by exact: Z.le_max_l.
have W_ge : Z.le (Z.div (Z.add B (sum_z o n')) h) W by exact: Z.le_max_r.
pose b (i k : nat) := nth 0%N (nth [::] bs i) k; rewrite -/b.
have bE (i k : nat) : (i < n')%N -> (k <= m)%N -> b i k = Z.to_nat (Z.min (Z.div (Z.add (Z.sub (l i k) (mu i)) (o i)) h) (Z.succ W)).
  by move=> lt_i le_k; rewrite /b (nth_map 0%N) ?size_iota // (nth_map 0%N) ?size_iota ?ltnS // !nth_iota ?ltnS.
have le_F := few_failures h_gt0 W_ge0 W_ge le_mu o_ge0 (erefl B) bE.
apply: (Z.le_trans _ (Z.of_nat #|[set x : input n' d' in block q m |
   ~~ (0 < IZR (group_term L g n' q) + \sum_(i < n'.+1 | i != ord_max) IZR (l i (x i)) :> R)%R]|)).
  apply/inj_le/ssrnat.leP/subset_leq_card/subsetP => x; rewrite inE => /andP[xB fx].
  by rewrite inE xB -failsE.
apply: Z.le_trans (inj_le _ _ (elimT ssrnat.leP le_F)) _; rewrite Nat2Z.inj_sub_max /dp_count.
have le_d : (m <= d'.+1)%N by apply: ltnW; exact: ltn_ord.
rewrite (dp_sum b _ (ltn_ord m)) (dp_sum b _ le_d); case: ifP => _; rewrite ?mul1n ?mul0n; exact: Z.le_refl.
Qed.

Theorem counting_count_sound bins hinted :
  Z.le (counting_count n' d' q m L bins hinted) (Z.of_nat #|[set x in block q m | tcorrect e root t x]|).
Proof.
rewrite /counting_count; set gs := open_groups _ _ _ _ _ _; apply: Z.max_lub; first exact: Nat2Z.is_nonneg.
have sum_gs : Z.le (Z.of_nat (\sum_(a < size gs) #|[set x in block q m | group_fails (nth [::] gs a) x]|))
                   (foldr (fun g acc => Z.add (group_failures n' q m L bins g) acc) Z0 gs).
  rewrite -(big_mkord xpredT (fun a => #|[set x in block q m | group_fails (nth [::] gs a) x]|)) -(big_nth [::] xpredT (fun g => #|[set x in block q m | group_fails g x]|)).
  elim: (gs) => [|g r IH] /=; rewrite ?big_nil; first exact: Z.le_refl.
  by rewrite big_cons Nat2Z.inj_add; apply: Z.add_le_mono => //; exact: group_failures_sound.
have := @groups _ [finType of 'I_(size gs)] (block q m) (tcorrect e root t) (fun a x => group_fails (nth [::] gs a) x).
rewrite (block_size_card n' le_qm) => count; have {}count := count _.
suff covered : forall x, x \in block q m -> ~~ tcorrect e root t x -> exists a : 'I_(size gs), group_fails (nth [::] gs a) x.
  have le := inj_le _ _ (elimT ssrnat.leP (count covered)); rewrite Nat2Z.inj_sub_max in le.
  exact (Z.le_trans _ _ _ (proj1 (Z.sub_le_mono_l _ _ _) sum_gs) (Z.le_trans _ _ _ (Z.le_max_r Z0 _) le)).
move=> x xB; rewrite separability; have /andP[/eqP qx /eqP mx] : (query x == q) && (maximum x == m) by rewrite inE in xB.
rewrite qx mx => /forall_inPn[j jm wrong].
have not_beats : ~~ beats n' q m L j.
  by apply/negP => /(beats_sound scale_gt0 L_lower) => H; move/negP: wrong; apply; exact: H.
have opened : (j : nat) \in [seq j <- rivals d' m | ~~ beats n' q m L j] by rewrite mem_filter not_beats rival_mem.
have [g g_gs jg] : exists2 g, g \in gs & (j : nat) \in g.
  case: (boolP (has (fun g => (j : nat) \in g) hinted)) => [/hasP[g gh jg] | none].
    exists [seq j <- g | j \in [seq j <- rivals d' m | ~~ beats n' q m L j]]; last by rewrite mem_filter opened.
    rewrite mem_filter; apply/andP; split; last by rewrite inE map_f ?orbT.
    by apply/eqP => E; have : (j : nat) \in [seq j <- g | j \in [seq j <- rivals d' m | ~~ beats n' q m L j]]; [rewrite mem_filter opened | rewrite E].
  exists [seq j <- [seq j <- rivals d' m | ~~ beats n' q m L j] | ~~ has (fun g => j \in g) hinted]; last by rewrite mem_filter none.
  rewrite mem_filter inE eqxx andbT; apply/eqP => E.
  by have : (j : nat) \in [seq j <- [seq j <- rivals d' m | ~~ beats n' q m L j] | ~~ has (fun g => j \in g) hinted]; [rewrite mem_filter none | rewrite E].
have lt_a : (index g gs < size gs)%N by rewrite index_mem.
exists (Ordinal lt_a); rewrite /= nth_index // /group_fails -leNgt.
apply: le_trans (_ : \sum_(i < n'.+1) IZR (L j i (x i)) <= 0).
  rewrite [leRHS](bigD1 ord_max) //= -/(query x) qx; apply: ler_add; first by apply: IZR_leP; exact: group_term_le.
  by apply: ler_sum => i _; apply: IZR_leP; exact: group_term_le.
rewrite leNgt; apply: contra wrong; exact: (positive_beats scale_gt0 L_lower).
Qed.
End Group.
