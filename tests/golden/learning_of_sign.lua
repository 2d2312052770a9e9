-- The perceptron: nothing before sign can learn, and there is nothing behind it.
return net("perceptron", input(2):dense(1):sign())
