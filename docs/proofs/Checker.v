(** The verified third checker: integer weights and a list of rules in, a number out that never exceeds the number of correct inputs. *)
From Coq Require Import ZArith Reals Lia.
From Flocq Require Import Core.
From Interval Require Import Xreal Interval Basic.
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import Rstruct.
From Proofcheck Require Import Semantics Separability PathExpansion Blocks SumBlocks Cubic RealNumbers Exponential
  CheckerTerms CheckerRules CheckerCounting CheckerCubic.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** Tables: a function on indices below r and c, written out once. *)
Definition table (r c : nat) (f : nat -> nat -> Z) : seq (seq Z) := [seq [seq f i j | j <- iota 0 c] | i <- iota 0 r].
Definition at2 (t : seq (seq Z)) (i j : nat) : Z := nth Z0 (nth [::] t i) j.
Definition table3 (r c s : nat) (f : nat -> nat -> nat -> Z) : seq (seq (seq Z)) :=
  [seq [seq [seq f i j k | k <- iota 0 s] | j <- iota 0 c] | i <- iota 0 r].
Definition at3 (t : seq (seq (seq Z))) (i j k : nat) : Z := nth Z0 (nth [::] (nth [::] t i) j) k.

(** The weights times `denominator`, which is positive; n' + 1 positions, d' + 1 tokens. Biases are matrices of one row. *)
Record network := Network
  { n' : nat; d' : nat; D : nat; H' : nat; denominator : Z;
    zW_E : seq (seq Z); zW_pos : seq (seq Z); zW_Q : seq (seq Z); zW_K : seq (seq Z); zW_V : seq (seq Z); zW_O : seq (seq Z); zW_U : seq (seq Z);
    zb_Q : seq (seq Z); zb_K : seq (seq Z); zb_V : seq (seq Z); zb_O : seq (seq Z); zb_U : seq (seq Z) }.
Definition d_head (w : network) : nat := (H' w).+1.

(** Path expansion: five tables of integers, times the fourth power of the denominator. *)
Record integer_tables := IntegerTables { iU : seq (seq Z); iE : seq (seq Z); iP : seq (seq Z); iS : seq (seq Z); iT : seq (seq Z) }.
Definition product (r k c : nat) (a b : seq (seq Z)) : seq (seq Z) := table r c (fun i j => sum_z (fun l => Z.mul (at2 a i l) (at2 b l j)) k).
Definition transpose (r c : nat) (a : seq (seq Z)) : seq (seq Z) := table c r (fun i j => at2 a j i).
Definition add_row (r c : nat) (a : seq (seq Z)) (x : Z) (b : seq (seq Z)) (i0 : nat) : seq (seq Z) :=
  table r c (fun i j => Z.add (at2 a i j) (Z.mul x (at2 b i0 j))).
Definition scaled (r c : nat) (x : Z) (a : seq (seq Z)) : seq (seq Z) := table r c (fun i j => Z.mul x (at2 a i j)).

Definition integer_expansion (w : network) : integer_tables :=
  let n := (n' w).+1 in let d := (d' w).+1 in let m := D w in let h := d_head w in let s := denominator w in
  let l := add_row d m (zW_E w) Z.one (zW_pos w) (n' w) in
  let q := add_row d h (product d m h l (zW_Q w)) s (zb_Q w) 0 in
  let ek := add_row d h (product d m h (zW_E w) (zW_K w)) s (zb_K w) 0 in
  let pk := product n m h (zW_pos w) (zW_K w) in
  let ev := add_row d h (product d m h (zW_E w) (zW_V w)) s (zb_V w) 0 in
  let pv := product n m h (zW_pos w) (zW_V w) in
  let lu := product d m d (add_row d m l Z.one (zb_O w) 0) (zW_U w) in
  IntegerTables
    (add_row d d (scaled d d (Z.mul s s) lu) (Z.mul s (Z.mul s s)) (zb_U w) 0)
    (product d m d (product d h m ev (zW_O w)) (zW_U w))
    (product n m d (product n h m pv (zW_O w)) (zW_U w))
    (product d h d q (transpose d h ek))
    (product d h n q (transpose n h pk)).

(** The weights of separability, times a positive factor for each query, between two integers. *)
Definition fourth (s : Z) : Z := Z.mul (Z.mul s s) (Z.mul s s).
Definition largest_entry (r : seq Z) : Z := if r is a :: r' then foldr Z.max a r' else Z0.
Definition enclosure (bits : positive) (w : network) (t : integer_tables) (unit : I.type) (q i k : nat) : I.type :=
  let top := Z.add (largest_entry (nth [::] (iS t) q)) (largest_entry (nth [::] (iT t) q)) in
  exp_enclosure bits unit (Z.sub (Z.add (at2 (iS t) q k) (at2 (iT t) q i)) top).
Definition enclosures bits w t : seq (seq (seq I.type)) :=
  let unit := unit_enclosure bits (fourth (denominator w)) (Z.of_nat (d_head w)) in
  [seq [seq [seq enclosure bits w t unit q i k | k <- iota 0 (d' w).+1] | i <- iota 0 (n' w).+1] | q <- iota 0 (d' w).+1].
Definition lower_ends K (x : seq (seq (seq I.type))) : seq (seq (seq Z)) := [seq [seq [seq lower_end K a | a <- c] | c <- r] | r <- x].
Definition upper_or_zero K (a : I.type) : Z := if upper_end K a is Some z then z else Z0.
Definition upper_ends K (x : seq (seq (seq I.type))) : seq (seq (seq Z)) := [seq [seq [seq upper_or_zero K a | a <- c] | c <- r] | r <- x].
Definition all_bounded K (x : seq (seq (seq I.type))) : bool := all (all (all (fun a => isSome (upper_end K a)))) x.

(** The rules, with their hints; one block of separable-counting is (q, m, bins, groups of rivals). *)
Inductive step := Enumeration | SeparableMinimum | Cubic | SeparableCounting of seq (nat * nat * Z * seq (seq nat)).
Section Count.
Variables (w : network) (t : integer_tables) (lo hi : seq (seq (seq Z))).
Definition term_of (q m j i k : nat) : Z := lower (at2 (iU t)) (at2 (iE t)) (at2 (iP t)) (at3 lo) (at3 hi) q m j i k.
Definition block_count (s : step) (q m : nat) : Z :=
  match s with
  | Enumeration => enumeration_count (n' w) (d' w) q m (term_of q m)
  | SeparableMinimum => minimum_count (n' w) (d' w) q m (term_of q m)
  | Cubic => cubic_count_z (n' w) (d' w) q m (at2 (iU t)) (at2 (iE t)) (at2 (iP t)) (at2 (iT t)) (at3 lo) (at3 hi)
  | SeparableCounting blocks =>
      if [seq b <- blocks | (b.1.1.1 == q) && (b.1.1.2 == m)] is b :: _ then counting_count (n' w) (d' w) q m (term_of q m) b.1.2 b.2 else Z0
  end.
Definition best_count (steps : seq step) (q m : nat) : Z := foldr (fun s acc => Z.max (block_count s q m) acc) Z0 steps.
Definition total_count (steps : seq step) : Z := sum_z (fun m => sum_z (fun q => best_count steps q m) m.+1) (d' w).+1.
End Count.

Definition proved_with (K : Z) (w : network) (steps : seq step) (t : integer_tables) (x : seq (seq (seq I.type))) : Z :=
  if Z.ltb Z0 (denominator w) && all_bounded K x then total_count w t (lower_ends K x) (upper_ends K x) steps else Z0.
Definition proved_from (bits : positive) (K : Z) (w : network) (steps : seq step) (t : integer_tables) : Z :=
  proved_with K w steps t (enclosures bits w t).
Definition proved (bits : positive) (K : Z) (w : network) (steps : seq step) : Z := proved_from bits K w steps (integer_expansion w).

(** The network that the integers stand for. *)
Definition real_weights (w : network) : weights R_realFieldType (n' w) (d' w) (D w) (d_head w) :=
  let m r c (z : seq (seq Z)) : 'M[R]_(r, c) := \matrix_(i, j) (IZR (at2 z i j) / IZR (denominator w)) in
  Weights (m _ _ (zW_E w)) (m _ _ (zW_pos w)) (m _ _ (zW_Q w)) (m _ _ (zW_K w)) (m _ _ (zW_V w)) (m _ _ (zW_O w)) (m _ _ (zW_U w))
    (m _ _ (zb_Q w)) (m _ _ (zb_K w)) (m _ _ (zb_V w)) (m _ _ (zb_O w)) (m _ _ (zb_U w)).

Lemma at2_table r c f i j : (i < r)%N -> (j < c)%N -> at2 (table r c f) i j = f i j.
Proof. by move=> lt_i lt_j; rewrite /at2 (nth_map 0%N) ?size_iota // (nth_map 0%N) ?size_iota // !nth_iota. Qed.

Section Expansion.
Variable w : network.
Hypothesis s_gt0 : Z.lt Z0 (denominator w).
Notation s := (denominator w).
Let u : R := (IZR s)^-1.
Lemma s_neq0 : IZR s != 0 :> R.
Proof. by rewrite gt_eqF //; apply/RltP; exact: (IZR_lt Z0). Qed.

Definition represents r c (A : 'M[R]_(r, c)) (z : seq (seq Z)) (x : R) : Prop := forall i j, A i j = IZR (at2 z i j) * x.

Lemma rep_product r k c (A : 'M[R]_(r, k)) (B : 'M[R]_(k, c)) a b x y :
  represents A a x -> represents B b y -> represents (A *m B) (product r k c a b) (x * y).
Proof.
move=> rA rB i j; rewrite mxE at2_table // IZR_sum mulr_suml; apply: eq_bigr => l _.
by rewrite rA rB IZR_mul mulrACA.
Qed.
Lemma rep_transpose r c (A : 'M[R]_(r, c)) a x : represents A a x -> represents A^T (transpose r c a) x.
Proof. by move=> rA i j; rewrite mxE at2_table // rA. Qed.
Lemma rep_add_row r c (A : 'M[R]_(r, c)) r' (B : 'M[R]_(r', c)) a b x y z (i0 : 'I_r') :
  represents A a x -> represents B b y -> y = IZR z * x -> represents (A + each (row i0 B)) (add_row r c a z b i0) x.
Proof.
move=> rA rB yz i j; rewrite !mxE at2_table // rA rB IZR_add IZR_mul mulrDl yz; congr (_ + _).
by rewrite mulrCA mulrA.
Qed.
Lemma rep_scaled r c (A : 'M[R]_(r, c)) a x y z : represents A a y -> y = IZR z * x -> represents A (scaled r c z a) x.
Proof. by move=> rA yz i j; rewrite at2_table // rA IZR_mul yz mulrCA mulrA. Qed.

Theorem integer_tables_represent (T := expand (real_weights w)) (t := integer_expansion w) (c := u * u * (u * u)) :
  [/\ represents (EUPU T) (iU t) c, represents (EVOU T) (iE t) c, represents (PVOU T) (iP t) c, represents (EQKE T) (iS t) c & represents (EQKP T) (iT t) c].
Proof.
have rep r k (z : seq (seq Z)) : represents (\matrix_(i < r, j < k) (IZR (at2 z i j) / IZR s)) z u by move=> i j; rewrite mxE.
have row1 k (z : seq (seq Z)) (b : 'rV[R]_k) : b = \matrix_(i, j) (IZR (at2 z i j) / IZR s) -> represents b z u by move=> ->; exact: rep.
have su : IZR s * u = 1 by rewrite mulfV // s_neq0.
have sq : IZR s * IZR s * (u * u * (u * u)) = u * u by rewrite mulrA [X in X * _]mulrACA su mul1r mul1r.
have one : u = IZR Z.one * u by rewrite mul1r.
have squ : u = IZR s * (u * u) by rewrite mulrA su mul1r.
have row0 k (b : 'rV[R]_k) : b = row ord0 b by apply/rowP => j; rewrite mxE.
have rl : represents (W_E (real_weights w) + each (row ord_max (W_pos (real_weights w)))) _ u := rep_add_row ord_max (rep _ _ _) (rep _ _ _) one.
have rq : represents ((W_E (real_weights w) + each (row ord_max (W_pos (real_weights w)))) *m W_Q (real_weights w) + each (row ord0 (b_Q (real_weights w)))) _ (u * u)
  := rep_add_row ord0 (rep_product rl (rep _ _ _)) (rep _ _ _) squ.
have rek : represents (W_E (real_weights w) *m W_K (real_weights w) + each (row ord0 (b_K (real_weights w)))) _ (u * u)
  := rep_add_row ord0 (rep_product (rep _ _ _) (rep _ _ _)) (rep _ _ _) squ.
have rev : represents (W_E (real_weights w) *m W_V (real_weights w) + each (row ord0 (b_V (real_weights w)))) _ (u * u)
  := rep_add_row ord0 (rep_product (rep _ _ _) (rep _ _ _)) (rep _ _ _) squ.
rewrite /T /expand; set W := real_weights w in rl rq rek rev *.
rewrite [b_Q W]row0 [b_K W]row0 [b_V W]row0 [b_O W]row0 [b_U W]row0; split.
- apply: rep_add_row (rep _ _ _) _.
    apply: rep_scaled (rep_product (rep_add_row ord0 rl (rep _ _ _) one) (rep _ _ _)) _.
    by rewrite IZR_mul /c sq.
  by rewrite !IZR_mul /c -(mulrA (IZR s)) sq mulrA su mul1r.
- have -> : c = u * u * u * u by rewrite /c !mulrA.
  exact: rep_product (rep_product rev (rep _ _ _)) (rep _ _ _).
- have -> : c = u * u * u * u by rewrite /c !mulrA.
  exact: rep_product (rep_product (rep_product (rep _ _ _) (rep _ _ _)) (rep _ _ _)) (rep _ _ _).
- exact: rep_product rq (rep_transpose rek).
- exact: rep_product rq (rep_transpose (rep_product (rep _ _ _) (rep _ _ _))).
Qed.
End Expansion.

Section Soundness.
Variables (bits : positive) (K : Z) (w : network).
Hypothesis s_gt0 : Z.lt Z0 (denominator w).
Notation T := (expand (real_weights w)).
Notation t := (integer_expansion w).
Notation root := (sqrt (INR (d_head w))).
Notation e := real_exponential.
Notation xs := (enclosures bits w t).
Hypothesis bounded : all_bounded K xs.
Let unit : R := Rmult (IZR (fourth (denominator w))) root.
Let top (q : nat) : Z := Z.add (largest_entry (nth [::] (iS t) q)) (largest_entry (nth [::] (iT t) q)).
Let scale (q : nat) : R := exp (- (IZR (top q) / unit)) * bpow radix2 K.
Let c : R := (IZR (denominator w))^-1 * (IZR (denominator w))^-1 * ((IZR (denominator w))^-1 * (IZR (denominator w))^-1).
Implicit Types (q m k : 'I_(d' w).+1) (i : 'I_(n' w).+1).

Lemma sR_gt0 : 0 < IZR (denominator w) :> R.
Proof. by apply/RltP; exact: (IZR_lt Z0). Qed.
Lemma c_gt0 : 0 < c.
Proof. by rewrite !mulr_gt0 // invr_gt0 sR_gt0. Qed.
Lemma cE : c = (IZR (fourth (denominator w)))^-1.
Proof. by rewrite /fourth !IZR_mul !invfM. Qed.
Lemma root_gt0 : 0 < root :> R.
Proof. by apply/RltP; apply: sqrt_lt_R0; apply: lt_0_INR; exact/ssrnat.ltP. Qed.
Lemma unit_gt0 : 0 < unit.
Proof. by rewrite mulr_gt0 ?root_gt0 // /fourth !IZR_mul !mulr_gt0 ?sR_gt0. Qed.
Lemma pow_gt0 : 0 < bpow radix2 K :> R.
Proof. by apply/RltP; exact: bpow_gt_0. Qed.
Lemma scale_gt0 q : 0 < scale q.
Proof. by rewrite mulr_gt0 ?pow_gt0 //; exact: (ex_gt0 e). Qed.

Lemma scaled_weight q i k :
  scale q * weight e root T q i k
  = Rmult (exp (Rdiv (IZR (Z.sub (Z.add (at2 (iS t) q k) (at2 (iT t) q i)) (top q))) (Rmult (IZR (fourth (denominator w))) (sqrt (IZR (Z.of_nat (d_head w))))))) (bpow radix2 K).
Proof.
have [_ _ _ rS rT] := integer_tables_represent s_gt0.
rewrite -INR_IZR_INZ -/unit /scale [LHS]mulrAC /weight; congr (_ * _); rewrite -[LHS](exD e).
have rSc : EQKE T q k = IZR (at2 (iS t) q k) * c := rS q k.
have rTc : EQKP T q i = IZR (at2 (iT t) q i) * c := rT q i.
have u_neq0 : unit != 0 by rewrite gt_eqF ?unit_gt0.
congr (exp _); rewrite rSc rTc -mulrDl cE !RdivE // RoppE IZR_sub IZR_add mulrBl addrC; congr (_ - _).
by rewrite -mulrA -invfM.
Qed.

Lemma at3_lower q i k : at3 (lower_ends K xs) q i k = lower_end K (enclosure bits w t (unit_enclosure bits (fourth (denominator w)) (Z.of_nat (d_head w))) q i k).
Proof.
rewrite /at3 /lower_ends (nth_map [::]) ?size_map ?size_iota // (nth_map 0%N) ?size_iota // nth_iota //.
rewrite (nth_map [::]) ?size_map ?size_iota // (nth_map 0%N) ?size_iota // nth_iota //.
by rewrite (nth_map I.nai) ?size_map ?size_iota // (nth_map 0%N) ?size_iota // nth_iota.
Qed.
Lemma at3_upper q i k : upper_end K (enclosure bits w t (unit_enclosure bits (fourth (denominator w)) (Z.of_nat (d_head w))) q i k) = Some (at3 (upper_ends K xs) q i k).
Proof.
rewrite /at3 /upper_ends (nth_map [::]) ?size_map ?size_iota // (nth_map 0%N) ?size_iota // nth_iota //.
rewrite (nth_map [::]) ?size_map ?size_iota // (nth_map 0%N) ?size_iota // nth_iota //.
rewrite (nth_map I.nai) ?size_map ?size_iota // (nth_map 0%N) ?size_iota // nth_iota //.
set a := enclosure _ _ _ _ _ _ _; suff: isSome (upper_end K a) by rewrite /upper_or_zero; case: (upper_end K a).
move: bounded => /(all_nthP [::])/(_ (q : nat)); rewrite size_map size_iota => /(_ (ltn_ord q)).
rewrite (nth_map 0%N) ?size_iota // nth_iota // => /(all_nthP [::])/(_ (i : nat)); rewrite size_map size_iota => /(_ (ltn_ord i)).
rewrite (nth_map 0%N) ?size_iota // nth_iota // => /(all_nthP I.nai)/(_ (k : nat)); rewrite size_map size_iota => /(_ (ltn_ord k)).
by rewrite (nth_map 0%N) ?size_iota // nth_iota.
Qed.

Lemma enclosed_weights q i k :
  IZR (at3 (lower_ends K xs) q i k) <= scale q * weight e root T q i k <= IZR (at3 (upper_ends K xs) q i k).
Proof.
rewrite scaled_weight at3_lower; set z := Z.sub _ _.
have enc := @enclosed_exp bits (fourth (denominator w)) (Z.of_nat (d_head w)) z _ _.
have {}enc : contains (I.convert (exp_enclosure bits (unit_enclosure bits (fourth (denominator w)) (Z.of_nat (d_head w))) z)) (Xreal (exp (Rdiv (IZR z) (Rmult (IZR (fourth (denominator w))) (sqrt (IZR (Z.of_nat (d_head w)))))))).
  by apply: enc; [rewrite /fourth; nia | rewrite /d_head; lia].
apply/andP; split; apply/RleP.
  by apply: lower_end_le enc _; apply: Rlt_le; exact: exp_pos.
exact: upper_end_ge enc (at3_upper q i k).
Qed.

Theorem block_count_sound (s : step) q m : (q <= m)%N ->
  Z.le (block_count w t (lower_ends K xs) (upper_ends K xs) s q m) (Z.of_nat #|[set x in block q m | tcorrect e root T x]|).
Proof.
move=> le_qm; have [rU rE rP rS rT] := integer_tables_represent s_gt0.
have tU (q' o : 'I_(d' w).+1) : EUPU T q' o = c * IZR (at2 (iU t) q' o) by rewrite rU mulrC.
have tE (k o : 'I_(d' w).+1) : EVOU T k o = c * IZR (at2 (iE t) k o) by rewrite rE mulrC.
have tP i (o : 'I_(d' w).+1) : PVOU T i o = c * IZR (at2 (iP t) i o) by rewrite rP mulrC.
have lower_terms (j : 'I_(d' w).+1) i k : IZR (term_of t (lower_ends K xs) (upper_ends K xs) q m j i k) <= (scale q / c) * term e root T q m j i k.
  exact: (lower_le (scale := scale) c_gt0 tU tE tP enclosed_weights).
have sc_gt0 : 0 < scale q / c by rewrite divr_gt0 ?scale_gt0 ?c_gt0.
case: s => [||| blocks] /=.
- exact: (enumeration_count_sound le_qm sc_gt0 lower_terms).
- exact: (minimum_count_sound le_qm sc_gt0 lower_terms).
- apply: (cubic_count_sound root_gt0 c_gt0 c_gt0 (scale_gt0 q) le_qm tU tE tP) => [i | i k]; first exact: rT.
  exact: enclosed_weights.
case: [seq b <- blocks | _] => [|b _]; first exact: Nat2Z.is_nonneg.
exact: (@counting_count_sound _ _ _ _ le_qm _ _ _ _ sc_gt0 lower_terms).
Qed.
End Soundness.

(** The theorem: whatever the rules, their hints and the precision, the number is at most the number of inputs that the network answers correctly. *)
Theorem proved_sound (bits : positive) (K : Z) (w : network) (steps : seq step) :
  Z.le (proved bits K w steps) (Z.of_nat (n_correct real_exponential (sqrt (INR (d_head w))) (real_weights w))).
Proof.
rewrite /proved /proved_from /proved_with; case: ifP => [/andP[/Z.ltb_lt s_gt0 bounded] | _]; last exact: Nat2Z.is_nonneg.
set t := integer_expansion w; set xs := enclosures bits w t in bounded *.
pose best (q m : nat) := best_count w t (lower_ends K xs) (upper_ends K xs) steps q m.
have best_ge0 q m : Z.le Z0 (best q m).
  by rewrite /best /best_count; elim: (steps) => [|s r IH] /=; [exact: Z.le_refl | exact: Z.le_trans IH (Z.le_max_r _ _)].
have best_le (q m : 'I_(d' w).+1) : (q <= m)%N ->
    (Z.to_nat (best q m) <= #|[set x in block q m | tcorrect real_exponential (sqrt (INR (d_head w))) (expand (real_weights w)) x]|)%N.
  move=> le_qm; apply/ssrnat.leP; rewrite -[X in (_ <= X)%coq_nat]Nat2Z.id; apply: (proj1 (Z2Nat.inj_le _ _ (best_ge0 q m) (Nat2Z.is_nonneg _))).
  rewrite /best /best_count; elim: (steps) => [|s r IH] /=; first exact: Nat2Z.is_nonneg.
  by apply: Z.max_lub => //; exact: block_count_sound.
have -> : n_correct real_exponential (sqrt (INR (d_head w))) (real_weights w)
    = #|[set x | tcorrect real_exponential (sqrt (INR (d_head w))) (expand (real_weights w)) x]|.
  by apply: eq_card => x; rewrite !inE correct_expand.
apply: Z.le_trans (inj_le _ _ (elimT ssrnat.leP (sum_blocks (counts := fun q m : 'I_(d' w).+1 => Z.to_nat (best q m)) best_le))).
rewrite /total_count (sum_z_nat (g := fun m => \sum_(q < m.+1) Z.to_nat (best q m))%N) => [|m lt_m]; last first.
  by apply: (sum_z_nat (g := fun q => Z.to_nat (best q m))) => q _; rewrite Z2Nat.id.
apply/inj_le/ssrnat.leP/eq_leq.
rewrite -(pair_big_dep xpredT (fun q m : 'I_(d' w).+1 => (q <= m)%N) (fun q m : 'I_(d' w).+1 => Z.to_nat (best q m))) /=.
rewrite (exchange_big_dep xpredT) //=; apply: eq_bigr => m _.
by rewrite (big_ord_widen _ (fun q => Z.to_nat (best q m)) (ltn_ord m)); apply: eq_bigl => q; rewrite ltnS.
Qed.
