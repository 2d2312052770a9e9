error("no more\nthan this")
