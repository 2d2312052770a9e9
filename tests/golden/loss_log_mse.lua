local x = input(8)
return net("loss", x:dense(3):log_softmax(), { loss = "huber" })
