(** The program `proved` of docs/proofs/Checker.v as OCaml: Z and positive are zarith's integers, nat is int (indices and bins below 2^62). *)
From Coq Require Import ZArith Extraction ExtrOcamlBasic ExtrOcamlZBigInt ExtrOcamlNatInt.
From Coq Require ClassicalDedekindReals.
From Proofcheck Require Import Checker.
Extraction Language OCaml.
(** Real numbers occur in specifications alone; the program calls none of them. *)
Extract Constant ClassicalDedekindReals.sig_forall_dec => "(fun _ -> failwith ""a real number was computed"")".
Extraction "checker.ml" proved integer_expansion.
