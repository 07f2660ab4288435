(** docs/rules/sum-blocks.md: the blocks partition the inputs. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Proofcheck Require Import Semantics Blocks.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.

Section SumBlocks.
Variables n' d' : nat.
Notation input := (input n' d').
Implicit Types (x : input) (q m : 'I_d'.+1).

(** sum-blocks.md: the blocks partition the inputs; lower bounds per block add up. *)
Theorem card_blocks (P : pred input) :
  #|[set x | P x]| = (\sum_(b : 'I_d'.+1 * 'I_d'.+1 | b.1 <= b.2) #|[set x in block b.1 b.2 | P x]|)%N.
Proof.
rewrite -sum1dep_card (partition_big (fun x => (query x, maximum x)) (fun b => b.1 <= b.2)%N) => [|x _]; last exact: max_query.
apply: eq_bigr => -[q m] _; rewrite -sum1dep_card; apply: eq_bigl => x.
by rewrite inE xpair_eqE andbC.
Qed.

Theorem sum_blocks (P : pred input) (counts : 'I_d'.+1 -> 'I_d'.+1 -> nat) :
  (forall q m, q <= m -> counts q m <= #|[set x in block q m | P x]|)%N ->
  (\sum_(b : 'I_d'.+1 * 'I_d'.+1 | b.1 <= b.2) counts b.1 b.2 <= #|[set x | P x]|)%N.
Proof. by move=> le_counts; rewrite card_blocks; apply: leq_sum => -[q m] /le_counts. Qed.

(** The rule: the largest count of each block over the premises k; the same holds of the wrong counts, with the other predicate. *)
Theorem sum_largest_counts (P : pred input) (K : Type) (premises : seq K) (counts : K -> 'I_d'.+1 -> 'I_d'.+1 -> nat) :
  (forall k q m, q <= m -> counts k q m <= #|[set x in block q m | P x]|)%N ->
  (\sum_(b : 'I_d'.+1 * 'I_d'.+1 | b.1 <= b.2) \max_(k <- premises) counts k b.1 b.2 <= #|[set x | P x]|)%N.
Proof.
move=> le_counts; apply: (sum_blocks (counts := fun q m => \max_(k <- premises) counts k q m)) => q m le_qm.
by elim/big_ind: _ => [//|a b le_a le_b|k _]; [rewrite geq_max le_a | exact: le_counts].
Qed.

(** Counts that add up to the number of inputs are both exact. *)
Theorem exact_counts (P : pred input) (right wrong : nat) :
  (right <= #|[set x | P x]|)%N -> (wrong <= #|[set x | ~~ P x]|)%N -> (right + wrong)%N = #|[set: input]| ->
  right = #|[set x | P x]| /\ wrong = #|[set x | ~~ P x]|.
Proof.
have <- : (#|[set x | P x]| + #|[set x | ~~ P x]|)%N = #|[set: input]|.
  by rewrite -[RHS](cardsID [set x | P x]) setTI setTD; congr (_ + _)%N; apply: eq_card => x; rewrite !inE.
move=> le_r le_w E; have := leq_add le_r le_w; rewrite -E leqnn => _.
have Er : right = #|[set x | P x]|.
  by apply/anti_leq; rewrite le_r -(leq_add2r #|[set x | ~~ P x]|) -E leq_add2l.
by split=> //; move/eqP: E; rewrite Er eqn_add2l => /eqP.
Qed.

Theorem card_inputs : #|[set: input]| = (d'.+1 ^ n'.+1)%N.
Proof. by rewrite cardsT card_ffun !card_ord. Qed.

End SumBlocks.

(** Any task: the inputs fall into blocks by a key (query, answer), and the largest count of each block over the premises adds up. *)
Theorem sum_parts (X B : finType) (key : X -> B) (P : pred X) (K : Type) (premises : seq K) (counts : K -> B -> nat) :
  (forall k b, counts k b <= #|[set x | (key x == b) && P x]|)%N ->
  (\sum_b \max_(k <- premises) counts k b <= #|[set x | P x]|)%N.
Proof.
move=> le_counts; rewrite -sum1dep_card (partition_big key xpredT) //=; apply: leq_sum => b _.
have -> : (\sum_(x | P x && (key x == b)) 1)%N = #|[set x | (key x == b) && P x]| by rewrite sum1dep_card; apply: eq_card => x; rewrite !inE andbC.
by elim/big_ind: _ => [//|c d le_c le_d|k _]; [rewrite geq_max le_c | exact: le_counts].
Qed.
