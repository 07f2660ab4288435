(* Reads a certificate and its weight file, and prints what the verified program proves of it. Trusted: this file, OCaml, zarith,
   Coq's extraction, and primitives.py where it is used. Not done here: the digest of the weight file, the checks of the format. *)

exception Bad of string
let bad format = Printf.ksprintf (fun text -> raise (Bad text)) format
let read_file name =
  let channel = open_in_bin name in
  let content = really_input_string channel (in_channel_length channel) in
  close_in channel; content

(* JSON without floats, null and booleans *)
type json = Int of Z.t | Text of string | List of json list | Object of (string * json) list

let parse_json text =
  let place = ref 0 in
  let peek () = if !place < String.length text then text.[!place] else bad "JSON ends early" in
  let next () = let c = peek () in incr place; c in
  let rec space () =
    if !place < String.length text && String.contains " \t\r\n" text.[!place] then (incr place; space ()) in
  let expect c = if next () <> c then bad "JSON: %c expected at %d" c !place in
  let escaped buffer =
    match next () with
    | 'n' -> Buffer.add_char buffer '\n' | 't' -> Buffer.add_char buffer '\t' | 'r' -> Buffer.add_char buffer '\r'
    | 'b' -> Buffer.add_char buffer '\b' | 'f' -> Buffer.add_char buffer '\012'
    | 'u' ->
      let code = int_of_string ("0x" ^ String.sub text !place 4) in
      place := !place + 4; Buffer.add_utf_8_uchar buffer (Uchar.of_int code)
    | c -> Buffer.add_char buffer c in
  let string () =
    expect '"';
    let buffer = Buffer.create 64 in
    let rec more () =
      match next () with
      | '"' -> Buffer.contents buffer
      | '\\' -> escaped buffer; more ()
      | c -> Buffer.add_char buffer c; more () in
    more () in
  let rec items close one =
    space ();
    if peek () = close then (incr place; [])
    else
      let first = one () in
      space ();
      match next () with
      | c when c = close -> [first]
      | ',' -> first :: items close one
      | c -> bad "JSON: unexpected %c" c in
  let rec value () =
    space ();
    match peek () with
    | '"' -> Text (string ())
    | '[' -> incr place; List (items ']' value)
    | '{' -> incr place; Object (items '}' field)
    | '-' | '0' .. '9' ->
      let start = !place in
      while !place < String.length text && String.contains "-0123456789" text.[!place] do incr place done;
      Int (Z.of_string (String.sub text start (!place - start)))
    | c -> bad "JSON: unexpected %c" c
  and field () =
    space ();
    let name = string () in
    space (); expect ':';
    (name, value ()) in
  let found = value () in
  space ();
  if !place <> String.length text then bad "JSON: something after the value";
  found

let get name = function
  | Object fields -> (match List.filter (fun (key, _) -> key = name) fields with [(_, v)] -> v | _ -> bad "field %s" name)
  | _ -> bad "no object around %s" name
let find name = function Object fields -> List.assoc_opt name fields | _ -> None
let integer = function Int z -> z | _ -> bad "no integer"
let small value = Z.to_int (integer value)
let text = function Text s -> s | _ -> bad "no text"
let items = function List l -> l | _ -> bad "no list"

(* arrays of a certificate *)
let base64 data =
  let digit c =
    match c with
    | 'A' .. 'Z' -> Char.code c - 65 | 'a' .. 'z' -> Char.code c - 71 | '0' .. '9' -> Char.code c + 4
    | '+' -> 62 | '/' -> 63 | '=' -> 0 | _ -> bad "base64" in
  let length = String.length data in
  let bytes = Bytes.create (length / 4 * 3) in
  for k = 0 to (length / 4) - 1 do
    let v = ref 0 in
    for j = 0 to 3 do v := (!v lsl 6) lor digit data.[(4 * k) + j] done;
    for j = 0 to 2 do Bytes.set_uint8 bytes ((3 * k) + j) ((!v lsr (16 - (8 * j))) land 255) done
  done;
  let padding = if length > 1 && data.[length - 2] = '=' then 2 else if length > 0 && data.[length - 1] = '=' then 1 else 0 in
  Bytes.sub_string bytes 0 (Bytes.length bytes - padding)

let rows value = (* an i64 array of two axes *)
  if text (get "dtype" value) <> "i64" then bad "dtype";
  let data = base64 (text (get "data" value)) in
  match List.map small (items (get "shape" value)) with
  | [r; c] when String.length data = 8 * r * c ->
    List.init r (fun i -> List.init c (fun j -> Int64.to_int (String.get_int64_le data (8 * ((i * c) + j)))))
  | _ -> bad "shape"

(* IEEE numbers as mantissa times a power of two *)
let pieces bits ~exponent_bits ~fraction_bits =
  let bias = (1 lsl (exponent_bits - 1)) - 1 in
  let part start width = Z.to_int (Z.extract bits start width) in
  let fraction = Z.extract bits 0 fraction_bits and exponent = part fraction_bits exponent_bits in
  if exponent = (1 lsl exponent_bits) - 1 then bad "a weight is not finite";
  let mantissa = if exponent = 0 then fraction else Z.add fraction (Z.shift_left Z.one fraction_bits) in
  ((if part (fraction_bits + exponent_bits) 1 = 1 then Z.neg mantissa else mantissa), max exponent 1 - bias - fraction_bits)

let number dtype data k =
  match dtype with
  | "F64" -> pieces (Z.extract (Z.of_int64 (String.get_int64_le data (8 * k))) 0 64) ~exponent_bits:11 ~fraction_bits:52
  | "F32" -> pieces (Z.extract (Z.of_int32 (String.get_int32_le data (4 * k))) 0 32) ~exponent_bits:8 ~fraction_bits:23
  | "F16" -> pieces (Z.of_int (String.get_uint16_le data (2 * k))) ~exponent_bits:5 ~fraction_bits:10
  | "BF16" -> pieces (Z.of_int (String.get_uint16_le data (2 * k))) ~exponent_bits:8 ~fraction_bits:7
  | other -> bad "dtype %s" other

(* the weight file: a matrix of r rows for each tensor name, all times one power of two *)
let weights name ~n ~d ~width ~head =
  let file = read_file name in
  let length = Int64.to_int (String.get_int64_le file 0) in
  let header = parse_json (String.sub file 8 length) in
  let needed =
    [ "embed.W_E", (d, width), true; "pos_embed.W_pos", (n, width), true; "blocks.0.attn.W_Q", (width, head), true;
      "blocks.0.attn.W_K", (width, head), true; "blocks.0.attn.W_V", (width, head), true; "blocks.0.attn.W_O", (head, width), true;
      "unembed.W_U", (width, d), true; "blocks.0.attn.b_Q", (1, head), false; "blocks.0.attn.b_K", (1, head), false;
      "blocks.0.attn.b_V", (1, head), false; "blocks.0.attn.b_O", (1, width), false; "unembed.b_U", (1, d), false ] in
  (match header with
   | Object fields ->
     List.iter (fun (key, _) ->
       if not (List.mem key ["__metadata__"; "blocks.0.attn.mask"; "blocks.0.attn.IGNORE"] || List.exists (fun (k, _, _) -> k = key) needed)
       then bad "tensor %s belongs to another architecture" key) fields
   | _ -> bad "header");
  let read (key, (r, c), required) =
    match find key header with
    | None -> if required then bad "tensor %s is missing" key else List.init r (fun _ -> List.init c (fun _ -> (Z.zero, 0)))
    | Some tensor ->
      let shape = List.filter (fun k -> k <> 1) (List.map small (items (get "shape" tensor))) in
      if shape <> List.filter (fun k -> k <> 1) [r; c] then bad "shape of %s" key;
      (match List.map small (items (get "data_offsets" tensor)) with
       | [first; last] ->
         let data = String.sub file (8 + length + first) (last - first) and dtype = text (get "dtype" tensor) in
         List.init r (fun i -> List.init c (fun j -> number dtype data ((i * c) + j)))
       | _ -> bad "offsets") in
  let tensors = List.map read needed in
  let lowest = List.fold_left (fun low (m, e) -> if m = Z.zero then low else min low e) 0 (List.concat (List.concat tensors)) in
  let whole (m, e) = if m = Z.zero then Z.zero else Z.shift_left m (e - lowest) in
  (Z.shift_left Z.one (-lowest), List.map (List.map (List.map whole)) tensors)

(* the rules; premises are not looked at, since the program takes for each block the best of all rules *)
let step value =
  let hints = get "hints" value in
  match text (get "rule" value) with
  | "path-expansion" | "count-classes" | "sum-blocks" -> []
  | "enumeration" -> [Checker.Enumeration]
  | "separable-minimum" -> [Checker.SeparableMinimum]
  | "cubic" -> [Checker.Cubic]
  | "separable-counting" ->
    let named = rows (get "groups" hints) in
    let groups row =
      let mine = List.filter (fun g -> List.nth g 0 = row) named in
      List.map (fun number -> List.filter_map (fun g -> if List.nth g 1 = number then Some (List.nth g 2) else None) mine)
        (List.sort_uniq compare (List.map (fun g -> List.nth g 1) mine)) in
    let block row entry =
      match entry with
      | [q; m; bins] when bins >= 1 -> (((q, m), Z.of_int bins), groups row)
      | _ -> bad "blocks" in
    [Checker.SeparableCounting (List.mapi block (rows (get "blocks" hints)))]
  | other -> bad "the rule %s is not one of the verified program's" other

(* bits below one for the weights: enough for the smallest of them. A hint: any number is sound. *)
let weight_bits (network : Checker.network) head =
  let tables = Checker.integer_expansion network in
  let spread table =
    let entries = List.concat table in
    let largest = List.fold_left max (List.hd entries) entries and smallest = List.fold_left min (List.hd entries) entries in
    Q.to_float (Q.make (Z.sub largest smallest) (Z.pow network.denominator 4)) in
  let nats = (spread tables.iS +. spread tables.iT) /. sqrt (float_of_int head) in
  96 + int_of_float (Float.min 20000. (1.4427 *. nats))

let check certificate =
  let value = parse_json (read_file certificate) in
  let model = get "model" value and task = get "task" value in
  let only kind known found = if found <> known then bad "the %s %s is not one of the verified program's" kind found in
  only "architecture" "attention-only-one-layer-one-head" (text (get "architecture" model));
  (match find "options" model with None | Some (Object []) -> () | _ -> bad "options of the model");
  only "task" "max-of-k" (text (get "name" task));
  let size name = small (get name (get "dimensions" model)) in
  let n = size "n_ctx" and d = size "d_vocab" and width = size "d_model" and head = size "d_head" in
  if n < 1 || d < 2 || width < 1 || head < 1 || List.exists (fun (k, v) -> small (get k task) <> v) ["n_ctx", n; "d_vocab", d]
  then bad "dimensions";
  let steps = List.concat_map step (items (get "steps" value)) in
  let file = Filename.concat (Filename.dirname certificate) (text (get "file" (get "weights" model))) in
  let claim = get "accuracy_at_least" (get "claim" value) in
  if find "margin" claim <> None then bad "a margin is not one of the verified program's";
  match weights file ~n ~d ~width ~head with
  | denominator, [e; p; q; k; v; o; u; bq; bk; bv; bo; bu] ->
    let network =
      { Checker.n' = n - 1; d' = d - 1; d = width; h' = head - 1; denominator; zW_E = e; zW_pos = p; zW_Q = q; zW_K = k; zW_V = v;
        zW_O = o; zW_U = u; zb_Q = bq; zb_K = bk; zb_V = bv; zb_O = bo; zb_U = bu } in
    let count = Checker.proved (Z.of_int 96) (Z.of_int (weight_bits network head)) network steps and total = Z.pow (Z.of_int d) n in
    let verified = Z.equal (integer (get "total" claim)) total && Z.leq (integer (get "correct" claim)) count in
    Printf.printf "%s proved %s of %s, claimed %s\n%!" (if verified then "verified" else "not verified") (Z.to_string count)
      (Z.to_string total) (Z.to_string (integer (get "correct" claim)));
    verified
  | _ -> assert false

let () =
  match Array.to_list Sys.argv with
  | _ :: (_ :: _ as files) ->
    let one file = try check file with Bad reason -> Printf.printf "declined %s\n%!" reason; false in
    exit (if List.for_all Fun.id (List.map one files) then 0 else 1)
  | _ -> prerr_endline "usage: checker CERTIFICATE ..."; exit 2
