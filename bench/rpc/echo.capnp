@0xd2a4c1f09b7e6358;

interface Echo {
  call @0 (data :Data) -> (data :Data);
}
