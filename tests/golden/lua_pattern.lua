local s = ("784x256"):match("(%d+x")
