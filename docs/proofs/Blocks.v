(** docs/semantics.md: boxes of sequences and the size of a block. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Proofcheck Require Import Semantics.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.

Section Blocks.
Variables n' d' : nat.
Notation input := (input n' d').
Implicit Types (x : input) (q m : 'I_d'.+1).

Lemma max_query x : (query x <= maximum x)%N. Proof. exact: le_maximum. Qed.

(** The inputs with last token q, and tokens in A before. *)
Definition box (q : 'I_d'.+1) (A : 'I_n'.+1 -> {set 'I_d'.+1}) : {set input} :=
  [set x | (query x == q) && [forall i, (i != ord_max) ==> (x i \in A i)]].

Lemma card_box q A : #|box q A| = \prod_(i | i != ord_max) #|A i|.
Proof.
pose F i := if i == ord_max then [set q] else A i.
have ->: box q A = [set x in family F].
  apply/setP => x; rewrite !inE; apply/andP/familyP => [[/eqP qx /forall_inP Ax] i | Fx].
    by rewrite /F; case: ifP => [/eqP -> | /negbT ni]; [rewrite inE -qx | exact: Ax].
  split; first by move: (Fx ord_max); rewrite /F eqxx inE.
  by apply/forall_inP => i ni; move: (Fx i); rewrite /F (negbTE ni).
rewrite cardsE card_family /image_mem foldrE big_map big_enum /= (bigD1 ord_max) //= /F eqxx cards1 mul1n.
by apply: eq_bigr => i /negbTE ->.
Qed.

Lemma card_le (k : nat) : (k <= d'.+1)%N -> #|[set t : 'I_d'.+1 | (t < k)%N]| = k.
Proof. by move=> le_k; rewrite -sum1dep_card -(big_ord_widen _ (fun=> 1%N) le_k) sum1_card card_ord. Qed.

Lemma card_before : #|[pred i : 'I_n'.+1 | i != ord_max]| = n'.
Proof. by rewrite (@eq_card _ _ (predC1 ord_max)) ?cardC1 ?card_ord. Qed.

(** semantics.md: the size of a block. *)
Theorem card_block q m : (q <= m)%N -> (#|block q m : {set input}| + (q < m) * m ^ n' = m.+1 ^ n')%N.
Proof.
move=> le_qm; pose below k := box q (fun _ => [set t : 'I_d'.+1 | (t < k)%N]).
have card_below k : (k <= d'.+1)%N -> #|below k| = (k ^ n')%N.
  by move=> le_k; rewrite card_box prod_nat_const card_before card_le.
have in_below k x : (x \in below k) = (query x == q) && [forall i, (i != ord_max) ==> (x i < k)%N].
  by rewrite !inE; congr (_ && _); apply: eq_forallb => i; rewrite inE.
have blockE x : (x \in block q m) = (x \in below m.+1) && ~~ ((q < m)%N && (x \in below m)).
  rewrite !in_below inE; case: eqP => //= qx.
  apply/eqP/andP => [max_x | [/forall_inP le_m gt_m]].
    split; first by apply/forall_inP => i _; rewrite ltnS -max_x le_maximum.
    apply/negP => /andP[lt_qm /forall_inP lt_m]; have [i xi] := maximum_attained x.
    have: (x i < m)%N by case: (eqVneq i ord_max) => [-> | /lt_m //]; rewrite -/(query x) qx.
    by rewrite xi max_x ltnn.
  have le_x i : (x i <= m)%N.
    by case: (eqVneq i ord_max) => [-> | /le_m //]; rewrite -/(query x) qx.
  apply: maximumP => //; case: (ltngtP q m) le_qm gt_m => // [lt_qm | eq_qm] _.
    move=> /= /forallPn[i]; rewrite negb_imply -leqNgt => /andP[_ ge_m].
    by exists i; apply/val_inj/anti_leq; rewrite le_x.
  by move=> _; exists ord_max; rewrite -/(query x) qx; exact: val_inj.
case: ltnP => [lt_qm | ge_qm]; last first.
  rewrite addn0 -card_below ?ltn_ord //; apply: eq_card => x.
  by rewrite blockE ltnNge ge_qm andbT.
rewrite mul1n -(card_below m) 1?ltnW // -(card_below m.+1) ?ltn_ord //.
have sub: below m \subset below m.+1.
  apply/subsetP => x; rewrite !in_below => /andP[-> /forall_inP lt_m] /=.
  by apply/forall_inP => i /lt_m; exact: ltnW.
rewrite -(cardsID (below m) (below m.+1)) (setIidPr sub) addnC; congr (_ + _)%N.
by apply: eq_card => x; rewrite blockE lt_qm /= [RHS]inE andbC.
Qed.
End Blocks.
