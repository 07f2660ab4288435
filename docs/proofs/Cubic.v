(** docs/rules/cubic.md: pessimisation, arrangement, mixing, Theorem C and its counting. *)
From mathcomp Require Import all_ssreflect all_algebra ring.
From Proofcheck Require Import Semantics Separability Blocks CountClasses Extremes.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** An affine function that is negative at both ends of an interval is negative on it. *)
Lemma affine_lt0 (R : realFieldType) (a b lo hi s : R) :
  lo <= s <= hi -> a * lo + b < 0 -> a * hi + b < 0 -> a * s + b < 0.
Proof.
move=> /andP[lo_s s_hi] at_lo at_hi; case: (lerP 0 a) => a0.
  by apply: le_lt_trans at_hi; rewrite ler_add2r ler_wpmul2l.
by apply: le_lt_trans at_lo; rewrite ler_add2r ler_wnmul2l // ltW.
Qed.

(** Lemma 3 (mixing): a weighted mean of negative numbers is negative. *)
Theorem mixing (R : realFieldType) (I : finType) (J : {set I}) (w b : I -> R) (A : R) :
  (forall i, 0 < w i) -> J != set0 -> (forall i, i \in J -> A + (\sum_(j in J) w j) * b i < 0) ->
  A + \sum_(i in J) w i * b i < 0.
Proof.
move=> w_gt0 J0 pure; set W := \sum_(j in J) w j in pure *.
have W_gt0: 0 < W.
  case/set0Pn: J0 => i iJ; rewrite /W (bigD1 i) //= ltr_paddr ?w_gt0 // sumr_ge0 // => j _; exact/ltW.
rewrite -(pmulr_rlt0 _ W_gt0) mulrDr mulr_sumr {1}/W mulr_suml -big_split /= -oppr_gt0 -sumrN.
have pos i : i \in J -> 0 < - (w i * A + W * (w i * b i)).
  by move=> iJ; rewrite oppr_gt0 mulrCA -mulrDr pmulr_rlt0 // pure.
case/set0Pn: J0 => i iJ; rewrite (bigD1 i) //= ltr_paddr ?pos // sumr_ge0 // => j /andP[jJ _]; exact/ltW/pos.
Qed.

Section Cubic.
Variables (R : realFieldType) (e : exponential R) (root : R) (n' d' : nat) (t : tables R n' d').
Implicit Types (x : input n' d') (q m k o : 'I_d'.+1) (i : 'I_n'.+1).

Definition wpos q i : R := e (EQKP t q i / root).
Definition vtok q k : R := e (EQKE t q k / root).
Lemma weight_factors q i k : weight e root t q i k = wpos q i * vtok q k.
Proof. by rewrite /weight /wpos /vtok -exD -mulrDl addrC. Qed.

(** PV, EU and G may be any upper bounds of what cubic.md takes the maximum of. *)
Variables (m : 'I_d'.+1) (PV : 'I_d'.+1 -> R) (EU : 'I_d'.+1 -> R) (G : 'I_d'.+1 -> R).
Hypothesis PV_max : forall o i, o != m -> PVOU t i o - PVOU t i m <= PV o.
Hypothesis EU_max : forall q o, o != m -> EUPU t q o - EUPU t q m <= EU q.
Hypothesis G_max : forall k o, o != m -> EVOU t k o - EVOU t k m + PV o <= G k.

Definition U x : R := \sum_i wpos (query x) i * vtok (query x) (x i) * (EU (query x) + G (x i)).

(** Lemma 1 (pessimisation). *)
Theorem pessimisation x : maximum x = m -> U x < 0 -> tcorrect e root t x.
Proof.
move=> mx U_lt0; rewrite separability mx; apply/forall_inP => o om.
rewrite -oppr_lt0 -sumrN; apply: le_lt_trans U_lt0; apply: ler_sum => i _.
rewrite /term -mulrN weight_factors ler_pmul2l ?mulr_gt0 ?ex_gt0 // opprB.
rewrite /value; set q := query x; set k := x i.
have -> : EVOU t k o + PVOU t i o + EUPU t q o - (EVOU t k m + PVOU t i m + EUPU t q m) =
  (EUPU t q o - EUPU t q m) + (EVOU t k o - EVOU t k m + (PVOU t i o - PVOU t i m)).
  by ring.
apply: ler_add; first exact: EU_max.
by apply: le_trans (G_max k om); rewrite ler_add2l PV_max.
Qed.

(** Lambda of Lemma 2, and Theorem C for the sequences in which c >= 1 positions do not hold m. *)
Definition total q : R := \sum_(i | i != ord_max) wpos q i.
Definition Lambda q k (s : R) : R :=
  s * (vtok q m * (EU q + G m)) + (total q - s) * (vtok q k * (EU q + G k)) + wpos q ord_max * (vtok q q * (EU q + G q)).

Theorem cubic_class q x (S : {set 'I_d'.+1}) (lo hi : R) :
  x \in block q m -> others m x != set0 -> (forall i, i \in others m x -> x i \in S) ->
  lo <= \sum_(i | (i != ord_max) && (i \notin others m x)) wpos q i <= hi ->
  (forall k, k \in S -> Lambda q k lo < 0 /\ Lambda q k hi < 0) ->
  tcorrect e root t x.
Proof.
rewrite inE => /andP[/eqP qx /eqP mx] J0 inS lohi neg; apply: pessimisation => //.
rewrite /U qx; set J := others m x in J0 inS lohi *; set s := \sum_(i | _) _ in lohi.
pose beta k := vtok q k * (EU q + G k).
have W: \sum_(i in J) wpos q i = total q - s.
  apply/eqP; rewrite eq_sym subr_eq /total (bigID (mem J)) /= (inj_eq (addIr _)); apply/eqP/eq_bigl => i.
  by rewrite andbC; case: (boolP (i \in J)) => //; rewrite inE => /andP[-> _].
have -> : \sum_i wpos q i * vtok q (x i) * (EU q + G (x i)) = (wpos q ord_max * beta q + s * beta m) + \sum_(i in J) wpos q i * beta (x i).
  rewrite (bigD1 ord_max) //= (bigID (mem J)) /= -/(query x) qx -[in LHS]mulrA -addrA; congr (_ + _).
  rewrite addrC mulr_suml; congr (_ + _).
    apply: eq_bigr => i /andP[ni]; rewrite !inE ni /= negbK => /eqP ->; by rewrite mulrA.
  apply: eq_big => [i | i _]; last by rewrite mulrA.
  by rewrite andbC; case: (boolP (i \in J)) => //; rewrite inE => /andP[-> _].
apply: mixing => // [i | i iJ]; first exact: ex_gt0.
rewrite W; have [at_lo at_hi] := neg _ (inS _ iJ).
pose a := beta m - beta (x i); pose b := total q * beta (x i) + wpos q ord_max * beta q.
have E r : Lambda q (x i) r = a * r + b by rewrite /Lambda /a /b /beta; ring.
have -> : wpos q ord_max * beta q + s * beta m + (total q - s) * beta (x i) = a * s + b by rewrite /a /b; ring.
by apply: (affine_lt0 lohi); rewrite -E.
Qed.

(** The same with the sums of the n - 1 - c smallest and largest positional weights. *)
Notation before := (fun i : 'I_n'.+1 => i != ord_max).
Theorem cubic_extremes q x (c : nat) (A : {set 'I_d'.+1}) (lo hi : R) :
  x \in block q m -> (0 < c)%N -> x \in class q m c A ->
  sum_of_smallest before (wpos q) (n' - c) lo -> sum_of_largest before (wpos q) (n' - c) hi ->
  (forall k, k \in A -> Lambda q k lo < 0 /\ Lambda q k hi < 0) ->
  tcorrect e root t x.
Proof.
move=> xB c_gt0; rewrite inE => /and3P[_ /eqP cc /forall_inP inA] s_lo s_hi neg.
pose J := [set i | (i != ord_max) && (i \notin others m x)].
have inJ i : i \in J -> i != ord_max by rewrite inE => /andP[].
have cJ : #|J| = (n' - c)%N.
  have -> : J = [set i | i != ord_max] :\: others m x by apply/setP => i; rewrite !inE andbC.
  rewrite cardsD (setIidPr _) ?cc ?cardsE ?card_before //.
  by apply/subsetP => i; rewrite !inE => /andP[].
have sJ : \sum_(i | (i != ord_max) && (i \notin others m x)) wpos q i = \sum_(i in J) wpos q i.
  by apply: eq_bigl => i; rewrite [RHS]inE.
apply: (@cubic_class q x A lo hi) => //; first by rewrite -card_gt0 cc.
by rewrite sJ (smallest_le s_lo inJ cJ) (largest_ge s_hi inJ cJ).
Qed.

(** Theorem C, c = 0: the sequence (m, ..., m, q). *)
Theorem cubic_zero q x (B : 'I_d'.+1 -> R) :
  x \in block q m -> others m x = set0 ->
  (forall o, o != m -> EUPU t q o - EUPU t q m + PV o <= B o) ->
  (forall o, o != m -> if (q < m)%N
     then total q * vtok q m * (B o + EVOU t m o - EVOU t m m) + wpos q ord_max * vtok q q * (B o + EVOU t q o - EVOU t q m) < 0
     else B o + EVOU t m o - EVOU t m m < 0) ->
  tcorrect e root t x.
Proof.
move=> xB J0 le_B neg; have [qx mx] : query x = q /\ maximum x = m by move: xB; rewrite inE => /andP[/eqP -> /eqP ->].
have xm i : i != ord_max -> x i = m.
  by move=> ni; apply/eqP/negPn; apply/negP => xi; have : i \in others m x by [rewrite inE ni]; rewrite J0 inE.
rewrite separability qx mx; apply/forall_inP => o om.
have bound i : - term e root t q m o i (x i) <= wpos q i * vtok q (x i) * (B o + EVOU t (x i) o - EVOU t (x i) m).
  rewrite /term -mulrN weight_factors ler_pmul2l ?mulr_gt0 ?ex_gt0 // opprB.
  apply: le_trans (_ : (EUPU t q o - EUPU t q m + PV o) + EVOU t (x i) o - EVOU t (x i) m <= _); last first.
    by rewrite !ler_add2r le_B.
  rewrite -subr_ge0 /value; have := PV_max i om; rewrite -subr_ge0; congr (0 <= _); ring.
rewrite -oppr_lt0 -sumrN; apply: le_lt_trans (ler_sum _ (fun i _ => bound i)) _.
have := neg o om; case: ltnP => [lt_qm | le_mq] neg_o.
  rewrite (bigD1 ord_max) //= -/(query x) qx addrC; apply: le_lt_trans neg_o.
  rewrite ler_add2r le_eqVlt; apply/orP; left; apply/eqP.
  rewrite /total !mulr_suml; apply: eq_bigr => i ni; by rewrite xm.
have eq_qm : q = m by apply/val_inj/anti_leq; rewrite le_mq -qx -mx le_maximum.
have all_m i : x i = m by case: (eqVneq i ord_max) => [->|/xm//]; rewrite -/(query x) qx.
rewrite (eq_bigr (fun i => wpos q i * vtok q m * (B o + EVOU t m o - EVOU t m m))) => [|i _]; last by rewrite all_m.
rewrite -mulr_suml pmulr_rlt0 // (bigD1 ord_max) //= ltr_paddr ?mulr_gt0 ?ex_gt0 // sumr_ge0 // => i _.
by rewrite mulr_ge0 // ltW // ex_gt0.
Qed.

(** The rule and its count: choices[q][m][p] = #|K p|, None where it is -1. *)
Definition cubic_proved q (p : nat) (A : {set 'I_d'.+1}) : Prop :=
  [/\ forall k, k \in A -> (k < m)%N, (q < m)%N -> (p < n')%N &
  if p is 0 then exists2 B : 'I_d'.+1 -> R, forall o, o != m -> EUPU t q o - EUPU t q m + PV o <= B o &
     forall o, o != m -> if (q < m)%N
     then total q * vtok q m * (B o + EVOU t m o - EVOU t m m) + wpos q ord_max * vtok q q * (B o + EVOU t q o - EVOU t q m) < 0
     else B o + EVOU t m o - EVOU t m m < 0
  else exists lo hi, [/\ sum_of_smallest before (wpos q) (n' - p) lo, sum_of_largest before (wpos q) (n' - p) hi &
     forall k, k \in A -> Lambda q k lo < 0 /\ Lambda q k hi < 0]].

Theorem cubic_count q (K : 'I_n'.+1 -> option {set 'I_d'.+1}) :
  (q <= m)%N -> (forall p A, K p = Some A -> cubic_proved q p A) ->
  (\sum_p (if K p is Some A then 'C(n', p) * #|A| ^ p else 0) <= #|[set x in block q m | tcorrect e root t x]|)%N.
Proof.
move=> le_qm proved; apply: count_classes => // p A KpA; have [lt_A room pos] := proved p A KpA => //.
move=> x xA xB; case: (val p) xA pos => [|c] xA; last by case=> lo [hi [s_lo s_hi neg]]; apply: cubic_extremes xA s_lo s_hi neg.
case=> B le_B neg; apply: cubic_zero le_B neg => //; apply/eqP; rewrite -cards_eq0.
by move: xA; rewrite inE => /and3P[].
Qed.
End Cubic.
