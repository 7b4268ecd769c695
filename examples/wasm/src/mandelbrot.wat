;; Writes one byte per pixel to memory: how soon the point escapes, 255 when it never does.
;; Built with: npx -p wabt@1.0.39 wat2wasm src/mandelbrot.wat -o src/mandelbrot.wasm
(module
  (memory (export "memory") 1)
  (func (export "draw") (param $width i32) (param $height i32) (param $limit i32)
    (local $x i32) (local $y i32) (local $n i32) (local $at i32)
    (local $cr f64) (local $ci f64) (local $zr f64) (local $zi f64) (local $t f64)
    (loop $rows
      (local.set $x (i32.const 0))
      ;; ci = y / height * 2.4 - 1.2
      (local.set $ci
        (f64.sub
          (f64.mul (f64.div (f64.convert_i32_u (local.get $y)) (f64.convert_i32_u (local.get $height))) (f64.const 2.4))
          (f64.const 1.2)))
      (loop $columns
        ;; cr = x / width * 3.2 - 2.2
        (local.set $cr
          (f64.sub
            (f64.mul (f64.div (f64.convert_i32_u (local.get $x)) (f64.convert_i32_u (local.get $width))) (f64.const 3.2))
            (f64.const 2.2)))
        (local.set $zr (f64.const 0))
        (local.set $zi (f64.const 0))
        (local.set $n (i32.const 0))
        (block $escaped
          (loop $again
            (br_if $escaped (i32.ge_u (local.get $n) (local.get $limit)))
            (br_if $escaped
              (f64.gt
                (f64.add (f64.mul (local.get $zr) (local.get $zr)) (f64.mul (local.get $zi) (local.get $zi)))
                (f64.const 4)))
            (local.set $t
              (f64.add
                (f64.sub (f64.mul (local.get $zr) (local.get $zr)) (f64.mul (local.get $zi) (local.get $zi)))
                (local.get $cr)))
            (local.set $zi
              (f64.add (f64.mul (f64.mul (f64.const 2) (local.get $zr)) (local.get $zi)) (local.get $ci)))
            (local.set $zr (local.get $t))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br $again)))
        (i32.store8 (local.get $at) (i32.div_u (i32.mul (local.get $n) (i32.const 255)) (local.get $limit)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $x (i32.add (local.get $x) (i32.const 1)))
        (br_if $columns (i32.lt_u (local.get $x) (local.get $width))))
      (local.set $y (i32.add (local.get $y) (i32.const 1)))
      (br_if $rows (i32.lt_u (local.get $y) (local.get $height))))))
