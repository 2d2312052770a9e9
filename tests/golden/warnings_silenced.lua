local x = input(10)
return net("pca", x:dense(5):dense(10))
