(** docs/rules/count-classes.md: the size of a class of sequences. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Proofcheck Require Import Semantics Blocks.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.

Section CountClasses.
Variables n' d' : nat.
Notation input := (input n' d').
Implicit Types (x : input) (q m : 'I_d'.+1).

(** count-classes.md: exactly p positions before the last do not hold m, and those hold tokens of K. *)
Definition others m x : {set 'I_n'.+1} := [set i | (i != ord_max) && (x i != m)].
Definition class q m p (K : {set 'I_d'.+1}) : {set input} :=
  [set x | [&& query x == q, #|others m x| == p & [forall i in others m x, x i \in K]]].

Theorem card_class q m p (K : {set 'I_d'.+1}) : m \notin K -> #|class q m p K| = ('C(n', p) * #|K| ^ p)%N.
Proof.
move=> mK; rewrite -sum1_card (partition_big (others m) (fun J => (J \subset [set i | i != ord_max]) && (#|J| == p))); last first.
  move=> x; rewrite inE => /and3P[_ -> _]; rewrite andbT.
  by apply/subsetP => i; rewrite !inE => /andP[].
rewrite (eq_bigr (fun=> #|K| ^ p)%N) => [|J /andP[/subsetP sub /eqP cJ]].
  rewrite sum_nat_cond_const; congr (_ * _)%N.
  have cB: #|[set i : 'I_n'.+1 | i != ord_max]| = n' by rewrite cardsE card_before.
  by rewrite cards_draws cB.
pose A i := if i \in J then K else [set m].
rewrite sum1dep_card; transitivity #|box q A|.
  apply: eq_card => x; rewrite !inE; apply/andP/andP.
    case=> /and3P[qx _ /forall_inP inK] /eqP eJ; split=> //.
    apply/forall_inP => i ni; rewrite /A -eJ; case: ifP => [/inK // | ].
    by rewrite !inE ni /= => /negbFE.
  case=> qx /forall_inP inA.
  have eJ: others m x = J.
    apply/setP => i; rewrite inE; case: (boolP (i \in J)) => iJ.
      have ni: i != ord_max by have := sub _ iJ; rewrite inE.
      rewrite ni; apply: contraNneq mK => <-; by have := inA _ ni; rewrite /A iJ.
    by case: (eqVneq i ord_max) => //= ni; have := inA _ ni; rewrite /A (negbTE iJ) inE => ->.
  rewrite qx eJ cJ eqxx /=; split=> //; apply/forall_inP => i iJ.
  by have := inA i; rewrite /A iJ; apply; have := sub _ iJ; rewrite inE.
rewrite card_box (bigID (mem J)) /= [X in (_ * X)%N]big1 ?muln1 => [|i /andP[_ /negbTE iJ]]; last by rewrite /A iJ cards1.
rewrite -cJ -prod_nat_const; apply: eq_big => [i | i /andP[_ iJ]]; last by rewrite /A iJ.
by case: (boolP (i \in J)) => [/sub | ]; rewrite ?andbF // inE => ->.
Qed.

Lemma card_others_le x m : (#|others m x| <= n')%N.
Proof.
rewrite -[leqRHS]card_before; apply: subset_leq_card; apply/subsetP => i.
by rewrite !inE => /andP[].
Qed.

(** A class lies in its block: for q < m it must leave a position before the last that holds m. *)
Theorem class_block q m p (K : {set 'I_d'.+1}) x :
  (q <= m)%N -> (forall k, k \in K -> (k < m)%N) -> ((q < m)%N -> (p < n')%N) -> x \in class q m p K -> x \in block q m.
Proof.
move=> le_qm lt_K room; rewrite !inE => /and3P[/eqP qx /eqP cp /forall_inP inK]; rewrite qx eqxx /=.
apply/eqP/maximumP => [i|].
  case: (eqVneq i ord_max) => [->|ni]; first by rewrite -/(query x) qx.
  case: (eqVneq (x i) m) => [-> //|xm]; apply/ltnW/lt_K/inK.
  by rewrite inE ni.
case: (ltngtP q m) le_qm => // [lt_qm|eq_qm] _; last by exists ord_max; rewrite -/(query x) qx; apply/val_inj.
have : (#|others m x| < #|[pred i : 'I_n'.+1 | i != ord_max]|)%N by rewrite card_before cp room.
move=> lt_card; have /subsetPn[i] : ~~ ([pred i : 'I_n'.+1 | i != ord_max] \subset others m x).
  by apply: contraL lt_card => /subset_leq_card; rewrite -leqNgt.
by rewrite !inE => ni /nandP[/negP|/negbNE/eqP xi]; [case | exists i].
Qed.

(** Theorem (counting classes). K p is None where nothing is proved; good is "answered correctly". *)
Theorem count_classes q m (K : 'I_n'.+1 -> option {set 'I_d'.+1}) (good : pred input) :
  (q <= m)%N ->
  (forall p A, K p = Some A -> forall k, k \in A -> (k < m)%N) ->
  (forall p A, K p = Some A -> (q < m)%N -> (p < n')%N) ->
  (forall p A, K p = Some A -> forall x, x \in class q m p A -> x \in block q m -> good x) ->
  (\sum_p (if K p is Some A then 'C(n', p) * #|A| ^ p else 0) <= #|[set x in block q m | good x]|)%N.
Proof.
move=> le_qm lt_K room proved; pose rank x : 'I_n'.+1 := inord #|others m x|.
rewrite -sum1_card (partition_big rank xpredT) //=; apply: leq_sum => p _.
case Kp: (K p) => [A|//]; have mA : m \notin A by apply/negP => /(lt_K p A Kp); rewrite ltnn.
rewrite -(card_class q p mA).
rewrite -sum1_card; rewrite [leqLHS]big_mkcond [leqRHS]big_mkcond; apply: leq_sum => x _.
case: ifP => // xA; rewrite inE (_ : x \in block q m); last exact: class_block (lt_K p A Kp) (room p A Kp) xA.
rewrite (proved p A Kp x xA) /=; last exact: class_block (lt_K p A Kp) (room p A Kp) xA.
move: xA; rewrite inE => /and3P[_ /eqP cp _]; rewrite (_ : rank x == p) //.
by apply/eqP/val_inj; rewrite /rank /= inordK ?cp ?ltn_ord // -cp ltnS card_others_le.
Qed.
End CountClasses.
Arguments class {n' d'} q m p K.
