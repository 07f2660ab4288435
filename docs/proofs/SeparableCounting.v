(** docs/rules/separable-counting.md: bins, groups of rivals, and the count of a block. *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From Proofcheck Require Import Semantics Separability Blocks BoundedSums SeparableMinimum.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** Theorem (bins). %/ is the floor of the quotient, as h > 0. *)
Theorem bins (I : finType) (P : pred I) (a o : I -> int) (B h : int) :
  0 < h -> \sum_(i | P i) a i <= B ->
  \sum_(i | P i) (((a i + o i) %/ h)%Z) <= ((B + \sum_(i | P i) o i) %/ h)%Z.
Proof.
move=> h_gt0 le_B; rewrite lez_divRL // mulr_suml.
apply: le_trans (_ : \sum_(i | P i) (a i + o i) <= _); last by rewrite big_split /= ler_add2r.
by apply: ler_sum => i _; rewrite lez_floor // gt_eqF.
Qed.

(** Theorem (counting in groups): a wrong sequence is counted for some group. *)
Theorem groups (T : finType) (G : finType) (B : {set T}) (good : pred T) (fails : G -> pred T) :
  (forall x, x \in B -> ~~ good x -> exists g, fails g x) ->
  (#|B| - \sum_g #|[set x in B | fails g x]| <= #|[set x in B | good x]|)%N.
Proof.
move=> covered; rewrite leq_subLR addnC -(cardsID [set x | good x] B) -setIdE leq_add2l.
apply: leq_trans (_ : #|\bigcup_g [set x in B | fails g x]| <= _)%N; last first.
  apply: (big_ind2 (fun (S : {set T}) k => #|S| <= k)%N) => [|S1 k1 S2 k2 le1 le2|//]; first by rewrite cards0.
  exact: leq_trans (leq_card_setU _ _) (leq_add le1 le2).
apply: subset_leq_card; apply/subsetP => x; rewrite !inE => /andP[bad xB].
by have [g fg] := covered x xB bad; apply/bigcupP; exists g; rewrite // inE xB.
Qed.

Section Bounded.
Variables n' d' : nat.
Implicit Types (x : input n' d') (q m k : 'I_d'.+1) (i : 'I_n'.+1).

(** The bins of integer terms L with lower bounds mu and shifts o, the bound B on their sum above the lower bounds, and the window. *)
Definition bin (L : 'I_n'.+1 -> 'I_d'.+1 -> int) (mu o : 'I_n'.+1 -> int) (h : int) (i : nat) (k : 'I_d'.+1) : nat :=
  `|((L (inord i) k - mu (inord i) + o (inord i)) %/ h)%Z|%N.
Definition excess (L : 'I_n'.+1 -> 'I_d'.+1 -> int) (mu : 'I_n'.+1 -> int) (q : 'I_d'.+1) : int :=
  - (L ord_max q + \sum_(i | i != ord_max) mu i).
Definition window L mu (o : 'I_n'.+1 -> int) (h : int) q : nat := `|((excess L mu q + \sum_(i | i != ord_max) o i) %/ h)%Z|%N.

(** The number that the rule subtracts for one group. *)
Definition failures L mu o h q m : nat :=
  if excess L mu q < 0 then 0%N else
  (count_bounded [set k : 'I_d'.+1 | k < m.+1] (bin L mu o h) n' (window L mu o h q)
   - (q < m) * count_bounded [set k : 'I_d'.+1 | k < m] (bin L mu o h) n' (window L mu o h q))%N.

Lemma card_failures L mu o h q m :
  (q <= m)%N -> 0 < h -> (forall i, 0 <= o i) -> (forall i k, (k <= m)%N -> mu i <= L i k) ->
  (#|[set x in block q m | (\sum_i L i (x i) <= 0)%R]| <= failures L mu o h q m)%N.
Proof.
move=> le_qm h_gt0 o_ge0 le_mu; rewrite /failures.
have sumE x : x \in block q m -> (\sum_i L i (x i) <= 0) = (\sum_(i | i != ord_max) (L i (x i) - mu i) <= excess L mu q).
  rewrite inE => /andP[/eqP qx _]; rewrite (bigD1 ord_max) //= -/(query x) qx sumrB /excess.
  by rewrite -[RHS]subr_le0; congr (_ <= 0); rewrite opprK addrACA addNr addr0 addrC.
case: ltP => [B_lt0 | B_ge0].
  rewrite leqn0 cards_eq0; apply/eqP/setP => x; rewrite !inE -[query x == q]/(query x == q).
  apply/negP => /andP[xB]; rewrite sumE ?inE // => le_B.
  have := le_lt_trans le_B B_lt0; rewrite ltNge sumr_ge0 // => i _; rewrite subr_ge0 le_mu //.
  by apply: (@block_le _ _ q m); rewrite inE.
rewrite -(card_block_bounded n' _ _ le_qm); apply: subset_leq_card; apply/subsetP => x.
rewrite inE => /andP[xB]; rewrite sumE // => le_B; rewrite inE xB /= -lez_nat.
have le_k i : (x i <= m)%N by exact: block_le xB.
have div_ge0 i : 0 <= ((L i (x i) - mu i + o i) %/ h)%Z.
  by rewrite divz_ge0 // addr_ge0 // subr_ge0 le_mu.
have -> : (bin_sum (bin L mu o h) x)%:Z = \sum_(i | i != ord_max) ((L i (x i) - mu i + o i) %/ h)%Z.
  rewrite /bin_sum (big_morph _ PoszD (erefl (Posz 0))); apply: eq_bigr => i _.
  by rewrite /bin inord_val gez0_abs.
apply: le_trans (bins o h_gt0 le_B) _; rewrite /window; exact: ler_norm.
Qed.
End Bounded.

Section Rule.
Variables (R : realFieldType) (e : exponential R) (root : R) (n' d' : nat) (t : tables R n' d').
Implicit Types (x : input n' d') (q m k j : 'I_d'.+1) (i : 'I_n'.+1).

(** The rule for one block: integers L g <= scale * f for every open rival j of the group g. *)
Theorem separable_counting q m (settled : pred 'I_d'.+1) (G : finType) (group : 'I_d'.+1 -> G)
    (L : G -> 'I_n'.+1 -> 'I_d'.+1 -> int) (mu o : G -> 'I_n'.+1 -> int) (h : G -> int) (scale : R) :
  (q <= m)%N -> 0 < scale ->
  (forall j x, j != m -> settled j -> x \in block q m -> 0 < \sum_i term e root t q m j i (x i)) ->
  (forall j i k, j != m -> ~~ settled j -> (k <= m)%N -> (L (group j) i k)%:~R <= scale * term e root t q m j i k) ->
  (forall g, 0 < h g) -> (forall g i, 0 <= o g i) -> (forall g i k, (k <= m)%N -> mu g i <= L g i k) ->
  (m.+1 ^ n' - (q < m) * m ^ n' - \sum_g failures (L g) (mu g) (o g) (h g) q m <= #|[set x in block q m | tcorrect e root t x]|)%N.
Proof.
move=> le_qm scale_gt0 beaten le_L h_gt0 o_ge0 le_mu.
rewrite -(card_block n' le_qm) addnK.
apply: leq_trans (groups (fails := fun g x => \sum_i L g i (x i) <= 0) _); last first.
  move=> x xB; rewrite separability; have /andP[/eqP qx /eqP mx] : (query x == q) && (maximum x == m) by rewrite inE in xB.
  rewrite qx mx => /forall_inPn[j jm]; rewrite -leNgt => wrong.
  have open_j : ~~ settled j by apply/negP => sj; have := beaten j x jm sj xB; rewrite ltNge wrong.
  exists (group j); rewrite -(ler_int R) rmorph_sum /=.
  have le0 : scale * (\sum_i term e root t q m j i (x i)) <= 0 by rewrite pmulr_rle0.
  rewrite mulr0z; apply: le_trans le0.
  rewrite mulr_sumr; apply: ler_sum => i _; apply: le_L => //; exact: block_le xB.
apply: leq_sub2l; apply: leq_sum => g _; apply: card_failures => //; exact: le_mu.
Qed.
End Rule.
