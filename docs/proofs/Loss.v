(** Mean loss: bounds of a margin on a box at a level (Theorem B), bounds of a block's loss by layers (Theorem L'). *)
From mathcomp Require Import all_ssreflect all_algebra ring.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Box.
Variables (R : realFieldType) (I : finType) (w D : I -> R) (delta Glo Ghi Zlo Zhi : R).
Let M := (\sum_i w i * D i) / (\sum_i w i).
Hypothesis Zlo_gt0 : 0 < Zlo.
Hypothesis Z_in : Zlo <= \sum_i w i <= Zhi.
Hypothesis G_in : Glo <= \sum_i w i * (D i - delta) <= Ghi.

Lemma margin_level : M = delta + (\sum_i w i * (D i - delta)) / (\sum_i w i).
Proof.
have W_gt0 : 0 < \sum_i w i by case/andP: Z_in => le _; exact: lt_le_trans le.
have -> : \sum_i w i * (D i - delta) = \sum_i w i * D i - delta * \sum_i w i.
  by rewrite mulr_sumr -sumrB; apply: eq_bigr => i _; ring.
by rewrite mulrBl mulfK ?gt_eqF // addrCA subrr addr0.
Qed.

(** Theorem B: which Z divides depends on the sign of G; the mirror image swaps them. *)
Theorem box_lower : delta + Glo / (if 0 <= Glo then Zhi else Zlo) <= M.
Proof.
have [ge_lo le_hi] := andP Z_in; have [ge_G _] := andP G_in; have W_gt0 := lt_le_trans Zlo_gt0 ge_lo.
rewrite margin_level ler_add2l; case: ifP => [G0 | /negbT]; last rewrite -ltNge => G0.
  apply: le_trans (_ : Glo / (\sum_i w i) <= _); last by rewrite ler_pmul2r ?invr_gt0.
  by rewrite ler_wpmul2l // lef_pinv // posrE (lt_le_trans W_gt0).
apply: le_trans (_ : Glo / (\sum_i w i) <= _); last by rewrite ler_pmul2r ?invr_gt0.
by rewrite ler_wnmul2l ?(ltW G0) // lef_pinv.
Qed.
Theorem box_upper : M <= delta + Ghi / (if 0 <= Ghi then Zlo else Zhi).
Proof.
have [ge_lo le_hi] := andP Z_in; have [_ le_G] := andP G_in; have W_gt0 := lt_le_trans Zlo_gt0 ge_lo.
rewrite margin_level ler_add2l; apply: le_trans (_ : Ghi / (\sum_i w i) <= _); first by rewrite ler_pmul2r ?invr_gt0.
case: ifP => [G0 | /negbT]; last rewrite -ltNge => G0; first by rewrite ler_wpmul2l // lef_pinv.
by rewrite ler_wnmul2l ?(ltW G0) // lef_pinv // posrE (lt_le_trans W_gt0).
Qed.
End Box.

Section Losses.
Variables (R : realFieldType) (e lg : R -> R). (* lg: the logarithm, of which only these two properties are used *)
Hypothesis e_ge0 : forall a, 0 <= e a.
Hypothesis e_le : forall a b, a <= b -> e a <= e b.
Hypothesis lg_le : forall a b, 0 < a -> a <= b -> lg a <= lg b.
Hypothesis lg_mul : forall a b, 0 < a -> 0 < b -> lg (a * b) = lg a + lg b.

Definition loss (J : finType) (M : J -> R) : R := lg (1 + \sum_j e (- M j)).
Lemma one_plus_gt0 (J : finType) (M : J -> R) : 0 < 1 + \sum_j e (- M j).
Proof. by apply: ltr_paddr; [rewrite sumr_ge0 | exact: ltr01]. Qed.

(** The loss of a box between its size times two losses. *)
Theorem box_loss (J X : finType) (B : {set X}) (M : X -> J -> R) (lower upper : J -> R) :
  (forall x j, x \in B -> lower j <= M x j <= upper j) ->
  #|B|%:R * loss upper <= \sum_(x in B) loss (M x) <= #|B|%:R * loss lower.
Proof.
move=> M_in; rewrite -sum1_card natr_sum !mulr_suml; apply/andP; split; apply: ler_sum => x xB; rewrite mul1r;
  apply: lg_le; rewrite ?one_plus_gt0 // ler_add2l; apply: ler_sum => j _; apply: e_le; rewrite ler_opp2;
  by have /andP[] := M_in x j xB.
Qed.

(** Groups of rivals: the loss is at most the sum of phi over the groups. *)
Lemma one_plus_sum_le (G : finType) (a : G -> R) : (forall g, 0 <= a g) -> 1 + \sum_g a g <= \prod_g (1 + a g).
Proof.
move=> a_ge0; rewrite -!big_enum /=; elim: (enum G) => [|g r IH]; first by rewrite !big_nil addr0.
rewrite !big_cons mulrDl mul1r addrCA addrC; apply: ler_add => //.
rewrite -[leLHS]mulr1 ler_wpmul2l // (le_trans _ IH) // ler_addl sumr_ge0 //.
Qed.
Definition phi (size : nat) (delta : R) : R := lg (1 + size%:R * e (- delta)).
Lemma lg_prod (G : finType) (a : G -> R) : (forall g, 0 < a g) -> lg 1 = 0 -> lg (\prod_g a g) = \sum_g lg (a g).
Proof.
move=> a_gt0 lg1; rewrite -!big_enum /=.
suff [_ //] : 0 < \prod_(g <- enum G) a g /\ lg (\prod_(g <- enum G) a g) = \sum_(g <- enum G) lg (a g).
elim: (enum G) => [|g r [IH1 IH2]]; first by rewrite !big_nil ltr01.
by rewrite !big_cons mulr_gt0 // lg_mul // IH2.
Qed.
Lemma lg_one : lg 1 = 0.
Proof. by have E := lg_mul ltr01 ltr01; rewrite mulr1 in E; apply: (addrI (lg 1)); rewrite addr0 -E. Qed.
Theorem group_loss (J G : finType) (group : J -> G) (M : J -> R) (least : G -> R) :
  (forall j, least (group j) <= M j) -> loss M <= \sum_g phi #|[set j | group j == g]| (least g).
Proof.
move=> le_M; pose a g := #|[set j | group j == g]|%:R * e (- least g).
have a_ge0 g : 0 <= a g by rewrite mulr_ge0 ?ler0n.
rewrite /phi -(lg_prod (a := fun g => 1 + a g)) ?lg_one // => [|g]; last by apply: ltr_paddr; [exact: a_ge0 | exact: ltr01].
apply: lg_le; rewrite ?one_plus_gt0 //; apply: le_trans (one_plus_sum_le a_ge0); rewrite ler_add2l.
rewrite (partition_big group xpredT) //=; apply: ler_sum => g _; rewrite /a -sum1_card natr_sum mulr_suml.
rewrite (eq_bigl (fun j => j \in [set j | group j == g])) => [|j]; last by rewrite inE.
apply: ler_sum => j; rewrite inE mul1r => /eqP <-; apply: e_le; by rewrite ler_opp2.
Qed.

(** Theorem L': levels delta_0 < ... < delta_K, counts of what lies at or below each. *)
Lemma layers_one (ph : R -> R) (delta : nat -> R) (K : nat) (M : R) :
  (forall a b, a <= b -> ph b <= ph a) -> (forall k, delta k <= delta k.+1) -> delta 0%N <= M ->
  ph M <= ph (delta K) + \sum_(k < K) (if M <= delta k.+1 then ph (delta k) - ph (delta k.+1) else 0).
Proof.
move=> ph_le up le_M; elim: K => [|K IH]; first by rewrite big_ord0 addr0 ph_le.
rewrite big_ord_recr /=; case: (lerP M (delta K.+1)) => [le_K | lt_K]; last first.
  rewrite addr0; apply: le_trans (_ : ph (delta K.+1) <= _); first by rewrite ph_le // ltW.
  by rewrite ler_addl sumr_ge0 // => k _; case: ifP; rewrite ?subr_ge0 ?ph_le.
apply: le_trans IH _; rewrite le_eqVlt; apply/orP; left; apply/eqP.
by move: (\sum_(k < K) _) (ph (delta K)) (ph (delta K.+1)) => S a b; ring.
Qed.
Theorem layers (X : finType) (B : {set X}) (M : X -> R) (ph : R -> R) (delta : nat -> R) (K : nat) (count : nat -> nat) :
  (forall a b, a <= b -> ph b <= ph a) -> (forall k, delta k <= delta k.+1) -> (forall x, x \in B -> delta 0%N <= M x) ->
  (forall k, (#|[set x in B | (M x <= delta k.+1)%R]| <= count k)%N) ->
  \sum_(x in B) ph (M x) <= #|B|%:R * ph (delta K) + \sum_(k < K) (count k)%:R * (ph (delta k) - ph (delta k.+1)).
Proof.
move=> ph_le up le_M le_count; apply: le_trans (ler_sum _ (fun x xB => layers_one K ph_le up (le_M x xB))) _.
rewrite big_split /= sumr_const [_ *+ _](_ : _ = #|B|%:R * ph (delta K)) ?mulr_natl // ler_add2l exchange_big /=.
apply: ler_sum => k _; rewrite -big_mkcondr /= (eq_bigl (fun x => x \in [set x in B | M x <= delta k.+1])) => [|x]; last by rewrite inE.
by rewrite sumr_const -[leLHS]mulr_natl ler_wpmul2r ?subr_ge0 ?ph_le // ler_nat.
Qed.
End Losses.

(** docs/rules/sum-losses.md: blocks by a key (query, answer) partition the inputs. *)
Theorem sum_of_blocks (R : realFieldType) (X B : finType) (key : X -> B) (loss : X -> R) (lower upper : B -> R) :
  (forall b, lower b <= \sum_(x | key x == b) loss x <= upper b) ->
  \sum_b lower b <= \sum_x loss x <= \sum_b upper b.
Proof.
move=> in_block; rewrite (partition_big key xpredT) //=.
by apply/andP; split; apply: ler_sum => b _; have /andP[] := in_block b.
Qed.
