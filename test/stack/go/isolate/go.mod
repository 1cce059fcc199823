module stack.test/isolate

go 1.26.0
