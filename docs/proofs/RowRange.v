(** docs/rules/qk-error.md, Lemmas 1 to 3: the range of the rows of a product. *)
From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section RowRange.
Variable R : realFieldType.

(** b is at least the range of the row r: the largest entry less the smallest. *)
Definition range_le n (r : 'rV[R]_n) (b : R) : Prop := forall i j, r 0 i - r 0 j <= b.

Lemma range_leP n (r : 'rV[R]_n) b : range_le r b -> forall i j, `|r 0 i - r 0 j| <= b.
Proof. by move=> le_b i j; rewrite ler_norml le_b andbT ler_oppl opprB le_b. Qed.
Lemma range_leD n (r s : 'rV[R]_n) b c : range_le r b -> range_le s c -> range_le (r + s) (b + c).
Proof. by move=> le_b le_c i j; rewrite !mxE opprD addrACA; apply: ler_add; [exact: le_b | exact: le_c]. Qed.
Lemma range_le_trans n (r : 'rV[R]_n) b c : range_le r b -> b <= c -> range_le r c.
Proof. by move=> le_b bc i j; exact: le_trans (le_b i j) bc. Qed.

(** Lemma 1. *)
Theorem range_mul m n (a : 'rV[R]_m) (B : 'M[R]_(m, n)) (range : 'I_m -> R) :
  (forall k, range_le (row k B) (range k)) -> range_le (a *m B) (\sum_k `|a 0 k| * range k).
Proof.
move=> le_range i j; rewrite !mxE -sumrB; apply: ler_sum => k _; rewrite -mulrBr.
apply: le_trans (ler_norm _) _; rewrite normrM ler_wpmul2l //.
by have := range_leP (le_range k) i j; rewrite !mxE.
Qed.

(** Lemma 2, for any row r in place of the mean. *)
Theorem range_mul_mean m n (a r : 'rV[R]_m) (B : 'M[R]_(m, n)) (range : 'I_m -> R) (range_r : R) :
  (forall k, range_le (row k B) (range k)) -> range_le (r *m B) range_r ->
  range_le (a *m B) (range_r + \sum_k `|(a - r) 0 k| * range k).
Proof.
move=> le_range le_r; have -> : a *m B = r *m B + (a - r) *m B by rewrite mulmxBl addrC subrK.
by apply: range_leD => //; exact: range_mul.
Qed.

(** Lemma 3: bounds on the rows of a product X_1 ... X_k, from the last factor to the first; each step with a mean row or without. *)
Inductive row_bounds : forall m n, 'M[R]_(m, n) -> ('I_m -> R) -> Prop :=
  | last_factor m n (X : 'M[R]_(m, n)) e : (forall k, range_le (row k X) (e k)) -> row_bounds X e
  | factor l m n (X : 'M[R]_(l, m)) (Y : 'M[R]_(m, n)) e e' :
      row_bounds Y e -> (forall i, \sum_k `|X i k| * e k <= e' i) -> row_bounds (X *m Y) e'
  | factor_mean l m n (X : 'M[R]_(l, m)) (Y : 'M[R]_(m, n)) (r : 'rV[R]_m) (range_r : R) e e' :
      row_bounds Y e -> range_le (r *m Y) range_r ->
      (forall i, range_r + \sum_k `|X i k - r 0 k| * e k <= e' i) -> row_bounds (X *m Y) e'.

Theorem recursive_range m n (X : 'M[R]_(m, n)) e : row_bounds X e -> forall q, range_le (row q X) (e q).
Proof.
elim=> {m n X e} [m n X e le_e|l m n X Y e e' _ IH le_e'|l m n X Y r range_r e e' _ IH le_r le_e'] q //; rewrite row_mul.
  apply: range_le_trans (range_mul _ IH) (le_trans _ (le_e' q)).
  by apply: ler_sum => k _; rewrite mxE.
apply: range_le_trans (range_mul_mean _ IH le_r) (le_trans _ (le_e' q)).
by rewrite ler_add2l; apply: ler_sum => k _; rewrite !mxE.
Qed.
End RowRange.
