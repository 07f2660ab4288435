(** The third checker's rules over integer terms: enumeration, separable-minimum, separable-counting. Programs, and what they prove. *)
From Coq Require Import ZArith Reals Lia.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import Rstruct.
From Proofcheck Require Import Semantics Separability Blocks SeparableMinimum SeparableCounting BoundedSums RealNumbers CheckerTerms.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** L j i k: the term of rival j, position i, token k, for one block (q, m). n' positions stand before the last, d' + 1 tokens. *)
Section Programs.
Variables (n' d' q m : nat) (L : nat -> nat -> nat -> Z).

Definition rivals : seq nat := [seq j <- iota 0 d'.+1 | j != m].
Definition block_size : Z := Z.sub (Z.pow (Z.of_nat m.+1) (Z.of_nat n')) (if (q < m)%N then Z.pow (Z.of_nat m) (Z.of_nat n') else Z0).

(** enumeration *)
Fixpoint sequences (k : nat) : seq (seq nat) := if k is k'.+1 then [seq a :: r | a <- iota 0 m.+1, r <- sequences k'] else [:: [::]].
Definition words : seq (seq nat) := [seq rcons r q | r <- sequences n' & (q == m) || (m \in r)].
Definition word_correct (w : seq nat) : bool := all (fun j => Z.ltb Z0 (sum_z (fun i => L j i (nth 0%N w i)) n'.+1)) rivals.
Definition enumeration_count : Z := Z.of_nat (count word_correct words).

(** separable-minimum, the fine bound *)
Definition fine_sum (j : nat) : Z :=
  let mus := [seq least (L j i) m | i <- iota 0 n'] in
  Z.add (Z.add (L j n' q) (sum_z (fun i => nth Z0 mus i) n'))
        (if (q < m)%N then (if n' is n''.+1 then least (fun i => Z.sub (L j i m) (nth Z0 mus i)) n'' else Z0) else Z0).
Definition beats (j : nat) : bool := Z.ltb Z0 (fine_sum j).
Definition minimum_count : Z := if all beats rivals then block_size else Z0.

(** separable-counting: one group of rivals *)
Definition shifted_add (acc st : seq Z) (b : nat) : seq Z :=
  (fix add (acc st : seq Z) := match acc, st with a :: acc', s :: st' => Z.add a s :: add acc' st' | _, _ => acc end) acc (nseq b Z0 ++ st).
Fixpoint dp (b : nat -> nat -> nat) (tokens window p : nat) : seq Z :=
  if p is p'.+1 then let st := dp b tokens window p' in
    foldr (fun k acc => shifted_add acc st (b p' k)) (nseq window.+1 Z0) (iota 0 tokens)
  else Z.one :: nseq window Z0.
Definition dp_count b tokens window : Z := foldr Z.add Z0 (dp b tokens window n').

Definition group_term (g : seq nat) (i k : nat) : Z := if g is j :: g' then foldr (fun j' acc => Z.min (L j' i k) acc) (L j i k) g' else Z0.

(** Any shift >= 0 is sound; this one puts an edge of a bin on some token, where the floors drop least. *)
Definition dropped (row : seq Z) (mu h o : Z) : Z := foldr (fun l acc => Z.add (Z.modulo (Z.add (Z.sub l mu) o) h) acc) Z0 row.
Definition best_shift (row : seq Z) (mu h : Z) : Z :=
  let shift l := Z.modulo (Z.opp (Z.sub l mu)) h in
  snd (foldr (fun l best => let o := shift l in let cost := dropped row mu h o in if Z.ltb cost (fst best) then (cost, o) else best)
             (dropped row mu h Z0, Z0) row).
Definition group_failures (bins : Z) (g : seq nat) : Z :=
  let rows := [seq [seq group_term g i k | k <- iota 0 m.+1] | i <- iota 0 n'] in
  let l i k := nth Z0 (nth [::] rows i) k in
  let mus := [seq least (l i) m | i <- iota 0 n'] in let mu i := nth Z0 mus i in
  let B := Z.opp (Z.add (group_term g n' q) (sum_z mu n')) in
  if Z.ltb B Z0 then Z0 else
  let h := Z.max Z.one (Z.succ (Z.div B bins)) in
  let os := [seq Z.max Z0 (best_shift (nth [::] rows i) (mu i) h) | i <- iota 0 n'] in let o i := nth Z0 os i in
  let W := Z.max Z0 (Z.div (Z.add B (sum_z o n')) h) in
  let bs := [seq [seq Z.to_nat (Z.min (Z.div (Z.add (Z.sub (l i k) (mu i)) (o i)) h) (Z.succ W)) | k <- iota 0 m.+1] | i <- iota 0 n'] in
  let b i k := nth 0%N (nth [::] bs i) k in
  Z.max Z0 (Z.sub (dp_count b m.+1 (Z.to_nat W)) (if (q < m)%N then dp_count b m (Z.to_nat W) else Z0)).

(** The hinted groups, and in group 0 every rival that is left open and in none of them. *)
Definition open_groups (hinted : seq (seq nat)) : seq (seq nat) :=
  let opened := [seq j <- rivals | ~~ beats j] in
  let rest := [seq j <- opened | ~~ has (fun g => j \in g) hinted] in
  [seq g <- rest :: [seq [seq j <- g | j \in opened] | g <- hinted] | g != [::]].
Definition counting_count (bins : Z) (hinted : seq (seq nat)) : Z :=
  Z.max Z0 (Z.sub block_size (foldr (fun g acc => Z.add (group_failures bins g) acc) Z0 (open_groups hinted))).
End Programs.

Section Soundness.
Variables (n' d' : nat) (root : R) (t : tables R_realFieldType n' d') (q m : 'I_d'.+1) (L : nat -> nat -> nat -> Z) (scale : R).
Notation e := real_exponential.
Notation proved z := (Z.le z (Z.of_nat #|[set x in block q m | tcorrect e root t x]|)).
Implicit Types (x : input n' d') (k j : 'I_d'.+1) (i : 'I_n'.+1).
Hypothesis le_qm : (q <= m)%N.

Lemma block_size_card : block_size n' q m = Z.of_nat #|block q m : {set input n' d'}|.
Proof.
have pow a b : Z.pow (Z.of_nat a) (Z.of_nat b) = Z.of_nat (a ^ b)%N.
  by elim: b => [|b IH]; rewrite ?expn0 // Nat2Z.inj_succ Z.pow_succ_r ?IH ?expnS ?Nat2Z.inj_mul //; exact: Nat2Z.is_nonneg.
rewrite /block_size !pow -(card_block n' le_qm) Nat2Z.inj_add; case: ifP => _; rewrite ?mul1n ?mul0n /=; lia.
Qed.

Hypothesis scale_gt0 : 0 < scale.
Hypothesis L_lower : forall j i k, IZR (L j i k) <= scale * term e root t q m j i k.

Lemma rival_mem j : (val j \in rivals d' m) = (j != m).
Proof. by rewrite mem_filter mem_iota ltn_ord leq0n !andbT. Qed.

Lemma positive_beats x j : 0 < (\sum_(i < n'.+1) IZR (L j i (x i)) : R) -> 0 < \sum_i term e root t q m j i (x i).
Proof.
move=> pos; rewrite -(pmulr_rgt0 _ scale_gt0) mulr_sumr; apply: lt_le_trans pos _.
by apply: ler_sum => i _; exact: L_lower.
Qed.

(** enumeration *)
Definition to_input (w : seq nat) : input n' d' := [ffun i : 'I_n'.+1 => inord (nth 0%N w i)].
Lemma mem_sequences (k : nat) (r : seq nat) : (r \in sequences m k) = (size r == k) && all (fun a => a < m.+1)%N r.
Proof.
elim: k r => [|k IH] r; first by case: r.
rewrite -[sequences m k.+1]/([seq a :: r | a <- iota 0 m.+1, r <- sequences m k]).
apply/allpairsP/andP => [[[b r'] [bd rk ->]] | []].
  by move: rk bd; rewrite IH mem_iota => /andP[/eqP <- lt_r] lt_b; split; [exact: eqxx | apply/andP].
case: r => // a r; rewrite [size _]/= eqSS => sz /andP[lt_a lt_r].
by exists (a, r); split=> //; [rewrite mem_iota | rewrite IH sz].
Qed.
Lemma uniq_sequences (k : nat) : uniq (sequences m k).
Proof.
elim: k => // k IH; rewrite -[sequences m k.+1]/([seq a :: r | a <- iota 0 m.+1, r <- sequences m k]) allpairs_uniq ?iota_uniq //.
by move=> [a r] [b r'] _ _ /= [-> ->].
Qed.
Lemma word_spec w : w \in words n' q m -> [/\ size w = n'.+1, forall i : 'I_n'.+1, (nth 0%N w i < d'.+1)%N & to_input w \in block q m].
Proof.
case/mapP=> r; rewrite mem_filter mem_sequences => /andP[has_m /andP[/eqP sz /allP lt_r]] ->.
have lt_w (i : 'I_n'.+1) : (nth 0%N (rcons r q) i < m.+1)%N.
  rewrite nth_rcons sz; case: (ltnP i n') => [lt_i | ge_i]; first by apply: lt_r; rewrite mem_nth ?sz.
  by case: eqP => // _; rewrite ltnS.
have lt_d (i : 'I_n'.+1) : (nth 0%N (rcons r q) i < d'.+1)%N by exact: leq_trans (lt_w i) (ltn_ord m).
split=> //; first by rewrite size_rcons sz.
have at_i (i : 'I_n'.+1) : to_input (rcons r q) i = nth 0%N (rcons r q) i :> nat by rewrite ffunE inordK.
rewrite inE; apply/andP; split.
  by apply/eqP/val_inj; rewrite /query /= at_i /= nth_rcons sz ltnn eqxx.
apply/eqP/maximumP => [i|]; first by rewrite at_i -ltnS.
case/orP: has_m => [/eqP E | /(nthP 0%N)[a lt_a E]].
  by exists ord_max; apply/val_inj; rewrite /= at_i /= nth_rcons sz ltnn eqxx.
have lt_an : (a < n'.+1)%N by rewrite -sz ltnW // ltnS.
by exists (Ordinal lt_an); apply/val_inj; rewrite /= at_i /= nth_rcons lt_a.
Qed.

Theorem enumeration_count_sound : proved (enumeration_count n' d' q m L).
Proof.
apply: inj_le; apply/ssrnat.leP; rewrite -size_filter; set ws := filter _ _.
have ws_sub w : w \in ws -> word_correct n' d' m L w /\ w \in words n' q m by rewrite mem_filter => /andP[].
have inj : {in ws &, injective to_input}.
  move=> w w' /ws_sub[_ /word_spec[sz lt_w _]] /ws_sub[_ /word_spec[sz' lt_w' _]] E.
  apply: (@eq_from_nth _ 0%N); rewrite sz ?sz' // => a lt_a.
  have := congr1 (fun x : input n' d' => val (x (Ordinal lt_a))) E; rewrite !ffunE /= !inordK //.
    exact: (lt_w' (Ordinal lt_a)).
  exact: (lt_w (Ordinal lt_a)).
have u : uniq (map to_input ws).
  rewrite map_inj_in_uniq // filter_uniq // map_inj_uniq ?filter_uniq ?uniq_sequences //.
  exact: rcons_injl.
rewrite -(size_map to_input) -(card_uniqP u); apply: subset_leq_card; apply/subsetP => x /mapP[w w_ws ->{x}].
have [/allP ok w_words] := ws_sub w w_ws; have [sz lt_w wB] := word_spec w_words; rewrite inE wB /= separability.
have /andP[/eqP qx /eqP mx] : (query (to_input w) == q) && (maximum (to_input w) == m) by rewrite inE in wB.
rewrite qx mx; apply/forall_inP => j jm; apply: positive_beats.
have := IZR_gt0 (ok (val j) _); rewrite rival_mem => /(_ jm); rewrite IZR_sum.
by congr (0 < _); apply: eq_bigr => i _; rewrite ffunE inordK.
Qed.

(** separable-minimum *)
Theorem beats_sound j : beats n' q m L j -> beaten e root t q m j.
Proof.
move=> pos x xB; apply: positive_beats.
pose mus := [seq least (L j i) m | i <- iota 0 n'].
have nth_mu (i : nat) : (i < n')%N -> nth Z0 mus i = least (L j i) m.
  by move=> lt_i; rewrite (nth_map 0%N) ?size_iota // nth_iota.
pose delta := if n' is n''.+1 then least (fun i : nat => Z.sub (L j i m) (nth Z0 mus i)) n'' else Z0.
have lt_n' (i : 'I_n'.+1) : i != ord_max -> (i < n')%N.
  by move=> ni; rewrite -ltnS ltn_neqAle ltn_ord andbT eqSS; apply: contra ni => /eqP E; apply/eqP/val_inj.
apply: (@fine_bound _ _ _ (fun i k => IZR (L j i k)) (fun i => IZR (least (L j i) m)) (IZR delta) q m) => //.
- by move=> i k _ le_km; apply: IZR_leP; exact: least_le.
- move=> i /lt_n' lt_i; rewrite -IZR_sub; apply: IZR_leP; rewrite -(nth_mu _ lt_i) /delta.
  have n_gt0 : (0 < n')%N by exact: leq_ltn_trans (leq0n i) lt_i.
  have -> : (if n' is n''.+1 then least (fun i : nat => Z.sub (L j i m) (nth Z0 mus i)) n'' else Z0) = least (fun i : nat => Z.sub (L j i m) (nth Z0 mus i)) n'.-1.
    by case: (n') n_gt0.
  by apply: (@least_le (fun i : nat => Z.sub (L j i m) (nth Z0 mus i))); rewrite -ltnS prednK.
have := IZR_gt0 pos; rewrite /fine_sum -/mus -/delta !IZR_add IZR_sum sum_before.
congr (0 < _); congr (_ + _ + _); last by case: ifP.
by apply: eq_bigr => i _; rewrite nth_mu.
Qed.

Theorem minimum_count_sound : proved (minimum_count n' d' q m L).
Proof.
rewrite /minimum_count; case: ifP => [/allP all_beat | _]; last exact: Nat2Z.is_nonneg.
rewrite block_size_card; apply/inj_le/ssrnat.leP/eq_leq.
rewrite -(separable_minimum (e := e) (root := root) (t := t) le_qm) => [|j jm]; last by apply: beats_sound; apply: all_beat; rewrite rival_mem.
by rewrite -(card_block n' le_qm) addnK.
Qed.
End Soundness.
