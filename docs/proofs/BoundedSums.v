(** docs/rules/separable-counting.md, "Counting": the dynamic program over positions counts the sequences of a box by the sum of their bins. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Proofcheck Require Import Semantics Blocks.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.

Section BoundedSums.
Variables n' d' : nat.
Notation input := (input n' d').
Notation token := 'I_d'.+1.
Implicit Types (x : input) (q m t : token) (T : {set token}) (b : nat -> token -> nat).

(** states T b p s: the choices of tokens of T at the first p positions whose bins sum to s. Only partial sums <= s are used. *)
Fixpoint states T b (p s : nat) : nat :=
  if p is p'.+1 then \sum_(t in T) (if b p' t <= s then states T b p' (s - b p' t) else 0) else s == 0.

Definition bin_sum b x : nat := \sum_(i < n'.+1 | i != ord_max) b i (x i).

Section Polynomials.
Local Open Scope ring_scope.
Let factor T b k : {poly int} := \sum_(t in T) 'X^(b k t).

Lemma coef_states T b p s : (\prod_(k < p) factor T b k)`_s = (states T b p s)%:Z.
Proof.
elim: p s => [|p IH] s; first by rewrite big_ord0 coef1 natz.
rewrite big_ord_recr /= mulr_sumr coef_sum [RHS](big_morph _ PoszD (erefl (Posz 0))).
by apply: eq_bigr => t _; rewrite coefMXn ltnNge; case: leqP => //= _; exact: IH.
Qed.

Lemma card_states q T b s : #|[set x in box q (fun=> T) | bin_sum b x == s]| = states T b n' s.
Proof.
apply/eqP; rewrite -eqz_nat -coef_states; apply/eqP.
pose A (i : 'I_n'.+1) := if i == ord_max then [set q] else T.
pose F (i : 'I_n'.+1) t : {poly int} := if i == ord_max then 1 else 'X^(b i t).
transitivity (\prod_(i < n'.+1) \sum_(t in A i) F i t)`_s; last first.
  rewrite big_ord_recr /= {2}/A {2}/F eqxx big_set1 mulr1; congr (nth _ (polyseq _) s).
  apply: eq_bigr => i _.
  have ni : widen_ord (leqnSn n') i != ord_max by rewrite -val_eqE /= ltn_eqF // ltn_ord.
  by rewrite /A (negbTE ni); apply: eq_bigr => t _; rewrite /F (negbTE ni).
rewrite bigA_distr_big_dep coef_sum.
have boxE x : (x \in box q (fun=> T)) = (x \in family (fun i t => t \in A i)).
  rewrite inE; apply/andP/familyP => [[/eqP qx /forall_inP inT] i | inA].
    change (x i \in A i); rewrite /A; case: (eqVneq i ord_max) => [-> | ni]; last exact: inT.
    by rewrite inE -/(query x) qx.
  split; first by have : x ord_max \in A ord_max := inA ord_max; rewrite /A eqxx inE.
  by apply/forall_inP => i ni; have : x i \in A i := inA i; rewrite /A (negbTE ni).
have coefE x : (\prod_i F i (x i))`_s = (bin_sum b x == s)%:Z.
  rewrite (bigD1 ord_max) //= {1}/F eqxx mul1r (eq_bigr (fun i : 'I_n'.+1 => 'X^(b i (x i)))) => [|i ni]; last by rewrite /F (negbTE ni).
  by rewrite prodrXr coefXn eq_sym natz.
rewrite (eq_bigr (fun x => ((bin_sum b x == s) : nat)%:Z)) => [|x _]; last exact: coefE.
rewrite -(big_morph _ PoszD (erefl (Posz 0))) -sum1_card; congr (Posz _).
rewrite (eq_bigl (fun x => x \in box q (fun=> T))) => [|x]; last by rewrite boxE.
rewrite [RHS](bigID (fun x => bin_sum b x == s)) /= [X in (_ + X)%N]big1 ?addn0 => [|x /andP[_ /negbTE ->]//].
by apply: eq_big => [x | x]; rewrite inE // => /andP[_ ->].
Qed.
End Polynomials.

(** The number of sequences of the box with a bin sum of at most `most`. *)
Definition count_bounded T b (p most : nat) : nat := \sum_(s < most.+1) states T b p s.
Theorem card_bounded q T b most :
  #|[set x in box q (fun=> T) | bin_sum b x <= most]| = count_bounded T b n' most.
Proof.
rewrite -sum1_card (partition_big (fun x => inord (bin_sum b x) : 'I_most.+1) xpredT) //=.
apply: eq_bigr => s _; rewrite -(card_states q) -sum1_card; apply: eq_bigl => x; rewrite !inE.
rewrite -!andbA; congr (_ && (_ && _)); apply/andP/eqP => [[le_most /eqP <-] | E]; first by rewrite inordK.
by rewrite E -ltnS ltn_ord; split=> //; apply/eqP/val_inj; rewrite /= inordK.
Qed.

(** The last position without its states: a prefix sum for each token. *)
Theorem count_last T b p most :
  count_bounded T b p.+1 most = \sum_(t in T) (if b p t <= most then count_bounded T b p (most - b p t) else 0).
Proof.
rewrite /count_bounded [LHS]exchange_big /=; apply: eq_bigr => t _; rewrite -big_mkcond /=.
case: leqP => [le_b | lt_b]; last by rewrite big_pred0 // => s; rewrite leqNgt (leq_ltn_trans (leq_ord s) lt_b).
rewrite -(big_mkord xpredT (fun s => states T b p s)) -(big_mkord (fun s => b p t <= s) (fun s => states T b p (s - b p t))).
rewrite (@big_cat_nat _ _ _ (b p t)) ?(leqW le_b) //= big_nat_cond big1 ?add0n; last first.
  by move=> s /andP[/andP[_ lt_s]]; rewrite leqNgt lt_s.
rewrite -{1}[b p t]add0n big_addn subSn // big_nat_cond [RHS]big_nat_cond.
by apply: eq_big => [s | s _]; rewrite ?leq_addl ?andbT // addnK.
Qed.

Lemma box_block q m x (below : nat -> {set token}) : q <= m ->
  (forall k, below k = [set t : token | t < k]) ->
  (x \in block q m) = (x \in box q (fun=> below m.+1)) && ~~ ((q < m) && (x \in box q (fun=> below m))).
Proof.
move=> le_qm belowE.
have in_below k : (x \in box q (fun=> below k)) = (query x == q) && [forall i, (i != ord_max) ==> (x i < k)].
  by rewrite inE; congr (_ && _); apply: eq_forallb => i; rewrite belowE inE.
rewrite !in_below inE; case: eqP => //= qx.
apply/eqP/andP => [max_x | [/forall_inP le_m gt_m]].
  split; first by apply/forall_inP => i _; rewrite ltnS -max_x le_maximum.
  apply/negP => /andP[lt_qm /forall_inP lt_m]; have [i xi] := maximum_attained x.
  have: x i < m by case: (eqVneq i ord_max) => [-> | /lt_m //]; rewrite -/(query x) qx.
  by rewrite xi max_x ltnn.
have le_x i : x i <= m by case: (eqVneq i ord_max) => [-> | /le_m //]; rewrite -/(query x) qx.
apply: maximumP => //; case: (ltngtP q m) le_qm gt_m => // [lt_qm | eq_qm] _.
  move=> /= /forallPn[i]; rewrite negb_imply -leqNgt => /andP[_ ge_m].
  by exists i; apply/val_inj/anti_leq; rewrite le_x.
by move=> _; exists ord_max; rewrite -/(query x) qx; exact: val_inj.
Qed.

(** The count for a block: all tuples of tokens <= m, less those of tokens < m where q < m. *)
Theorem card_block_bounded q m b most : q <= m ->
  #|[set x in block q m | bin_sum b x <= most]|
  = count_bounded [set t : token | t < m.+1] b n' most - (q < m) * count_bounded [set t : token | t < m] b n' most.
Proof.
move=> le_qm; rewrite -!(card_bounded q); set X := [set x in box q _ | _]; set Y := [set x in box q _ | _].
have sub : Y \subset X.
  apply/subsetP => x; rewrite !inE => /andP[/andP[-> /forall_inP lt_m] ->]; rewrite andbT.
  by apply/forall_inP => i /lt_m; rewrite !inE; exact: ltnW.
have -> : #|[set x in block q m | bin_sum b x <= most]| = #|if q < m then X :\: Y else X|.
  apply: eq_card => x; rewrite inE (box_block x le_qm (fun k => erefl)).
  by case: ltnP => _; rewrite !inE; case: (bin_sum b x <= most); rewrite ?andbT ?andbF //= andbC.
by case: ltnP => _; rewrite ?subn0 // mul1n cardsD (setIidPr sub).
Qed.
End BoundedSums.
