(** docs/rules/separability.md, "Blocks, and the first max token": boxes of token ranges, and the block as a disjoint union of them. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Proofcheck Require Import Semantics Blocks SeparableMinimum.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.

Section Boxes.
Variables n' d' : nat.
Notation input := (input n' d').
Implicit Types (x : input) (q m : 'I_d'.+1) (i : 'I_n'.+1).

(** lo <= x_i < hi at every position, the query's included. *)
Definition ranges := 'I_n'.+1 -> nat * nat.
Definition within (b : ranges) : {set input} := [set x : input | [forall i, (b i).1 <= x i < (b i).2]].

Theorem card_within (b : ranges) : (forall i, (b i).2 <= d'.+1) -> #|within b| = \prod_i ((b i).2 - (b i).1).
Proof.
move=> le_d; have -> : within b = [set x in family (fun i => [pred t : 'I_d'.+1 | (b i).1 <= t < (b i).2])].
  by apply/setP => x; rewrite !inE; apply/forallP/familyP => H i; have := H i; rewrite inE.
rewrite cardsE card_family /image_mem foldrE big_map big_enum /=; apply: eq_bigr => i _.
rewrite -sum1_card -(big_mkord (fun t => (b i).1 <= t < (b i).2) (fun=> 1)).
have [le_lohi | lt_hilo] := leqP (b i).1 (b i).2; last first.
  rewrite (_ : _ - _ = 0); last by apply/eqP; rewrite subn_eq0 ltnW.
  by rewrite big_pred0 // => t; apply/negP => /andP[le_t /(leq_ltn_trans le_t)]; rewrite ltnNge ltnW.
rewrite (@big_cat_nat _ _ _ (b i).1) ?(leq_trans le_lohi (le_d i)) //= big_nat_cond big1 ?add0n; last first.
  by move=> t /andP[/andP[_ lt_t] /andP[le_t _]]; rewrite leqNgt lt_t in le_t.
rewrite (@big_cat_nat _ _ _ (b i).2) ?le_lohi ?le_d //= [X in _ + X]big_nat_cond [X in _ + X]big1 ?addn0; last first.
  by move=> t /andP[/andP[le_t _] /andP[_ lt_t]]; rewrite ltnNge le_t in lt_t.
rewrite big_nat_cond (eq_bigl (fun t => ((b i).1 <= t < (b i).2) && true)) => [|t]; last by case: (_ <= t < _).
by rewrite -big_nat_cond sum_nat_const_nat muln1.
Qed.

(** The box of the sequences whose first position with m is p, and the box of a block (m, m). *)
Definition first_max q m (p : nat) : ranges := fun i =>
  if i == ord_max then (q : nat, q.+1) else if i < p then (0, m : nat) else if i == p :> nat then (m : nat, m.+1) else (0, m.+1).
Definition all_at_most q m : ranges := fun i => if i == ord_max then (q : nat, q.+1) else (0, m.+1).

Lemma within_query q (b : ranges) x : b ord_max = (q : nat, q.+1) -> x \in within b -> query x = q.
Proof.
by move=> eb; rewrite inE => /forallP/(_ ord_max); rewrite eb /= ltnS => /anti_leq E; apply: val_inj.
Qed.

Theorem diagonal_box m : within (all_at_most m m) = block m m.
Proof.
apply/setP => x; apply/idP/idP => [xb | xB]; last first.
  rewrite inE; apply/forallP => i; rewrite /all_at_most; case: eqP => [-> | _]; last by rewrite /= ltnS (block_le i xB).
  by move: xB; rewrite inE => /andP[/eqP <- _]; rewrite /= leqnn ltnSn.
have qx : query x = m by apply: (within_query _ xb); rewrite /all_at_most eqxx.
rewrite inE qx eqxx /=; apply/eqP/maximumP; last by exists ord_max.
move: xb; rewrite inE => /forallP xb i; have := xb i; rewrite /all_at_most; case: eqP => [-> _ | _]; last by rewrite /= ltnS.
by rewrite -/(query x) qx.
Qed.

Lemma first_max_block q m p x : (q < m) -> (p < n') -> x \in within (first_max q m p) -> x \in block q m.
Proof.
move=> lt_qm lt_p xb; have qx : query x = q by apply: (within_query _ xb); rewrite /first_max eqxx.
move: xb; rewrite inE => /forallP xb; rewrite inE qx eqxx /=; apply/eqP/maximumP => [i|].
  have := xb i; rewrite /first_max; case: (eqVneq i ord_max) => [-> _ | _]; first by rewrite -/(query x) qx ltnW.
  by case: ifP => _; [move=> /andP[_ /ltnW] | case: ifP => _ /andP[_]; rewrite ltnS].
pose k : 'I_n'.+1 := widen_ord (leqnSn n') (Ordinal lt_p); exists k; have := xb k; rewrite /first_max.
have -> : (k == ord_max) = false by rewrite -val_eqE /= ltn_eqF.
by rewrite /= ltnn eqxx ltnS => E; apply/val_inj/esym/anti_leq.
Qed.

(** For q < m every sequence of the block is in exactly one of the n - 1 boxes, and no other sequence is in any. *)
Theorem first_max_boxes q m x : q < m -> \sum_(p < n') (x \in within (first_max q m p)) = (x \in block q m) :> nat.
Proof.
move=> lt_qm; case: (boolP (x \in block q m)) => [xB | xB]; last first.
  by rewrite big1 // => p _; apply/eqP; rewrite eqb0; apply: contra xB; exact: first_max_block (ltn_ord p).
have [k nk xk] := block_max xB lt_qm.
pose P i := (i != ord_max) && (x i == m); have Pk : P k by rewrite /P nk xk eqxx.
case: (arg_minnP (fun i : 'I_n'.+1 => i : nat) Pk) => f /andP[nf /eqP xf] least.
have lt_f : f < n'.
  by rewrite -ltnS ltn_neqAle ltn_ord andbT eqSS; apply: contra nf => /eqP E; apply/eqP/val_inj.
have [qx le_x] : query x = q /\ forall i, x i <= m.
  by split=> [|i]; [move: xB; rewrite inE => /andP[/eqP] | exact: block_le xB].
rewrite (bigD1 (Ordinal lt_f)) //= [X in _ + X]big1 ?addn0 => [|p np].
  rewrite (_ : x \in _) // inE; apply/forallP => i; rewrite /first_max; case: (eqVneq i ord_max) => [-> | ni].
    by rewrite -/(query x) qx /= leqnn ltnSn.
  case: ifP => [lt_if | ge_if].
    rewrite /= ltn_neqAle le_x andbT; apply/eqP => /val_inj E.
    by have := least i; rewrite /P ni E eqxx leqNgt lt_if => /(_ isT).
  case: eqP => [E | _]; last by rewrite /= ltnS le_x.
  by rewrite (val_inj E : i = f) xf /= leqnn ltnSn.
apply/eqP; rewrite eqb0; apply/negP; rewrite inE => /forallP xb.
have := xb f; rewrite /first_max (negbTE nf); case: ltngtP => [lt_fp | lt_pf | E]; last by case/eqP: np; apply/val_inj.
  by rewrite xf /= ltnn.
move=> _; pose k' := widen_ord (leqnSn n') p; have nk' : (k' == ord_max) = false by rewrite -val_eqE /= ltn_eqF.
have := xb k'; rewrite /first_max nk' /= ltnn eqxx ltnS => /anti_leq E.
have xk' : x k' == m by apply/eqP/val_inj.
by have := least k'; rewrite /P nk' xk' leqNgt lt_pf => /(_ isT).
Qed.

(** What a list of disjoint sets that covers S proves of S. *)
Theorem count_parts (S : {set input}) (I : Type) (parts : seq I) (part : I -> {set input}) (good : pred input) (ok : pred I) :
  (forall x, \sum_(p <- parts) (x \in part p) = (x \in S) :> nat) ->
  (forall p, ok p -> forall x, x \in part p -> x \in S -> good x) ->
  \sum_(p <- parts | ok p) #|part p| <= #|[set x in S | good x]|.
Proof.
move=> cover okP; rewrite (eq_bigr (fun p => \sum_x (x \in part p))) => [|p _]; last first.
  by rewrite -sum1_card big_mkcond; apply: eq_bigr => x _; case: (_ \in _).
rewrite exchange_big /= -sum1_card [leqRHS]big_mkcond /=; apply: leq_sum => x _.
have le_S : \sum_(p <- parts | ok p) (x \in part p) <= (x \in S).
  by rewrite -cover big_mkcond /=; apply: leq_sum => p _; case: ifP.
rewrite inE; case xS: (x \in S) le_S => // le_S; case: (boolP (good x)) => [_ | bad]; first by rewrite (leq_trans le_S).
by rewrite big1 // => p okp; apply/eqP; rewrite eqb0; apply: contra bad => xp; exact: okP okp x xp xS.
Qed.
End Boxes.
Arguments within {n' d'} b.
