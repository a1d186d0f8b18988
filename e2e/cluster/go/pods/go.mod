module stagekeeper.dev/e2e/pods

go 1.26.0
