(** Tasks as Moore machines: counting words by (state, bin), and the min-plus path value, by a table over positions. *)
From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.

Section MooreMachine.
Variables (Q : finType) (T : eqType) (start : Q) (alphabet : nat -> seq T) (step : nat -> Q -> T -> Q).

(** Words in reverse: the last letter read stands first. *)
Fixpoint words (p : nat) : seq (seq T) := if p is p'.+1 then [seq t :: w | t <- alphabet p', w <- words p'] else [:: [::]].
Fixpoint state (w : seq T) : Q := if w is t :: w' then step (size w') (state w') t else start.

Lemma size_words p w : w \in words p -> size w = p.
Proof. by elim: p w => [|p IH] w; [rewrite inE => /eqP -> | case/allpairsP=> -[t v] [_ /IH E ->] /=; rewrite E]. Qed.

(** Every word once. *)
Theorem words_uniq p : (forall i, uniq (alphabet i)) -> uniq (words p).
Proof. by move=> u; elim: p => //= p IH; apply: allpairs_uniq => // -[t w] [t' w'] _ _ /= [-> ->]. Qed.

Section Bins.
Variable bin : nat -> T -> nat.
Fixpoint bin_total (w : seq T) : nat := if w is t :: w' then bin (size w') t + bin_total w' else 0.
Fixpoint table (p : nat) (q : Q) (s : nat) : nat :=
  if p is p'.+1 then \sum_(t <- alphabet p') \sum_(q' | step p' q' t == q) (if bin p' t <= s then table p' q' (s - bin p' t) else 0)
  else (q == start) && (s == 0).

(** Theorem M (counting): the table counts the words that end in q with bin sum s. *)
Theorem moore_count p q s : count (fun w => (state w == q) && (bin_total w == s)) (words p) = table p q s.
Proof.
elim: p q s => [|p IH] q s; first by rewrite /= addn0 eq_sym [0 == s]eq_sym.
rewrite /= count_flatten sumnE !big_map; apply: eq_bigr => t _.
have E : count (preim [eta cons t] (fun w => (state w == q) && (bin_total w == s))) (words p)
    = \sum_(w <- words p | (w \in words p) && ((step p (state w) t == q) && (bin p t + bin_total w == s))) 1.
  rewrite -sum1_count big_seq_cond; apply: eq_bigl => w; case: (boolP (w \in words p)) => //= /size_words ->; by [].
rewrite count_map E.
rewrite (partition_big state (fun q' => step p q' t == q)) => [|w /andP[_ /andP[]] //].
apply: eq_bigr => q' /eqP Eq; case: leqP => [le_b | lt_b]; last first.
  rewrite big_pred0 // => w; apply/negP => /andP[/andP[_ /andP[_ /eqP Es]] _].
  by move: lt_b; rewrite -Es ltnNge leq_addr.
rewrite -IH -sum1_count [RHS]big_seq_cond; apply: eq_bigl => w; case: (w \in words p) => //=.
case: (eqVneq (state w) q') => [-> | _]; rewrite ?andbF ?andbT // Eq eqxx /=.
by rewrite -[in RHS](eqn_add2l (bin p t)) subnKC.
Qed.

(** At most `window`, over the accepting states: the number of words that the rule subtracts. *)
Theorem moore_failures p (accept : pred Q) window :
  count (fun w => accept (state w) && (bin_total w <= window)) (words p) = \sum_(q | accept q) \sum_(s < window.+1) table p q s.
Proof.
rewrite -sum1_count (partition_big state accept) => [|w /andP[] //]; apply: eq_bigr => q aq.
rewrite (partition_big (fun w => inord (bin_total w) : 'I_window.+1) xpredT) //; apply: eq_bigr => s _.
rewrite -moore_count -sum1_count; apply: eq_bigl => w.
case: (eqVneq (state w) q) => [-> | _]; rewrite ?andbF // aq /= andbT.
apply/andP/eqP => [[le_w /eqP <-] | E]; first by rewrite inordK.
by rewrite E -ltnS ltn_ord; split=> //; apply/eqP/val_inj; rewrite /= inordK.
Qed.
End Bins.

(** The path value (Lemma 0 on a block): any potential that a step raises by at most the term is at most the sum of the terms. *)
Section Paths.
Local Open Scope ring_scope.
Variables (R : realFieldType) (f : nat -> T -> R) (value : nat -> Q -> R).
Fixpoint total (w : seq T) : R := if w is t :: w' then f (size w') t + total w' else 0.
Hypothesis value_start : value 0 start <= 0.
Hypothesis value_step : forall p q t, t \in alphabet p -> value p.+1 (step p q t) <= f p t + value p q.
Theorem path_value p w : w \in words p -> value p (state w) <= total w.
Proof.
elim: p w => [|p IH] w; first by rewrite inE => /eqP ->.
case/allpairsP=> -[t v] [/= ta vp ->] /=; rewrite (size_words vp).
by apply: le_trans (value_step _ ta) _; rewrite ler_add2l IH.
Qed.
End Paths.
End MooreMachine.
