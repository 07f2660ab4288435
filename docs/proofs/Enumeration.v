(** docs/rules/separability.md, "Fixed point", and docs/rules/enumeration.md: integer sums decide a sequence; deciding all gives both counts. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Proofcheck Require Import Semantics Separability Blocks SeparableMinimum.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Enumeration.
Variables (R : realFieldType) (e : exponential R) (root : R) (n' d' : nat) (t : tables R n' d').
Implicit Types (x : input n' d') (q m k j : 'I_d'.+1) (i : 'I_n'.+1).

Section FixedPoint.
Variables (q m : 'I_d'.+1) (scale : R) (width : int) (L : 'I_d'.+1 -> 'I_n'.+1 -> 'I_d'.+1 -> int).
Hypothesis scale_gt0 : 0 < scale.
Hypothesis L_lower : forall j i k, j != m -> (k <= m)%N -> (L j i k)%:~R <= scale * term e root t q m j i k.
Hypothesis L_upper : forall j i k, j != m -> (k <= m)%N -> scale * term e root t q m j i k <= (L j i k + width)%:~R.

Lemma block_parts x : x \in block q m -> [/\ query x = q, maximum x = m & forall i, (x i <= m)%N].
Proof.
by move=> xB; split; [move: xB; rewrite inE => /andP[/eqP] | move: xB; rewrite inE => /andP[_ /eqP] | move=> i; exact: block_le xB].
Qed.

(** S(x) > 0: correct. *)
Theorem positive_correct x : x \in block q m -> (forall j, j != m -> 0 < \sum_i L j i (x i)) -> tcorrect e root t x.
Proof.
move=> /block_parts[qx mx le_m] S_gt0; rewrite separability qx mx; apply/forall_inP => j jm.
rewrite -(pmulr_rgt0 _ scale_gt0) mulr_sumr; have := S_gt0 j jm; rewrite -(ltr_int R) rmorph_sum /= mulr0z.
by move/lt_le_trans; apply; apply: ler_sum => i _; exact: L_lower.
Qed.

(** S(x) <= - n * width: wrong. *)
Theorem negative_wrong x j : x \in block q m -> j != m -> \sum_i L j i (x i) <= - (width *+ n'.+1) -> ~~ tcorrect e root t x.
Proof.
move=> /block_parts[qx mx le_m] jm S_le; rewrite separability qx mx; apply/forall_inPn; exists j => //; rewrite -leNgt.
rewrite -(pmulr_rle0 _ scale_gt0) mulr_sumr; apply: le_trans (_ : \sum_i (L j i (x i) + width)%:~R <= 0).
  by apply: ler_sum => i _; exact: L_upper.
rewrite -rmorph_sum /= lerz0 big_split /= sumr_const card_ord.
by rewrite -ler_subr_addr sub0r.
Qed.
End FixedPoint.

(** What a decision of each sequence proves: `right` are correct, `wrong` are wrong; others are undecided. *)
Theorem enumeration q m (right wrong : pred (input n' d')) :
  (forall x, x \in block q m -> right x -> tcorrect e root t x) -> (forall x, x \in block q m -> wrong x -> ~~ tcorrect e root t x) ->
  [/\ (#|[set x in block q m | right x]| <= #|[set x in block q m | tcorrect e root t x]|)%N,
      (#|[set x in block q m | wrong x]| <= #|[set x in block q m | ~~ tcorrect e root t x]|)%N &
      (forall x, x \in block q m -> right x || wrong x) ->
      #|[set x in block q m | right x]| = #|[set x in block q m | tcorrect e root t x]| :> nat].
Proof.
move=> rightP wrongP; split.
- by apply: subset_leq_card; apply/subsetP => x; rewrite inE => /andP[xB rx]; rewrite inE xB (rightP x xB rx).
- by apply: subset_leq_card; apply/subsetP => x; rewrite inE => /andP[xB wx]; rewrite inE xB (wrongP x xB wx).
move=> all_decided; apply: eq_card => x; rewrite inE [RHS]inE; case xB: (x \in block q m) => //=; apply/idP/idP; first exact: rightP.
by move=> cx; have := all_decided x xB; case/orP=> // wx; have := wrongP x xB wx; rewrite cx.
Qed.
End Enumeration.
