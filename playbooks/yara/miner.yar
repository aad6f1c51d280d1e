// What a miner cannot do without, by behaviour and never by name. A match wants several kinds of
// signs, so that a text about mining does not match.

rule miner_program
{
    meta:
        description = "A program that speaks Stratum and computes a miner's hash"
        level = "high"
        attack = "T1496.001"
    strings:
        $elf = { 7f 45 4c 46 }
        $talk1 = "\"method\":\"login\"" ascii
        $talk2 = "\"method\": \"login\"" ascii
        $talk3 = "mining.subscribe" ascii
        $talk4 = "mining.authorize" ascii
        $talk5 = "eth_submitLogin" ascii
        $talk6 = "stratum+tcp://" ascii
        $talk7 = "keepalived" ascii fullword
        $hash1 = "RandomX\x03" ascii
        $hash2 = "randomx_" ascii
        $hash3 = "cryptonight" ascii nocase
        $hash4 = "rx/0" ascii fullword
        $hash5 = "kawpow" ascii nocase fullword
        $hash6 = "ethash" ascii fullword
        $hash7 = "argon2/chukwa" ascii
        $own1 = "donate-level" ascii
        $own2 = "huge-pages-jit" ascii
        $own3 = "cpu-no-yield" ascii
        $own4 = "max-threads-hint" ascii
        $own5 = "hashrate" ascii
        $own6 = "rig-id" ascii fullword
    condition:
        $elf at 0 and (uint16(16) == 2 or uint16(16) == 3) and 2 of ($talk*) and 1 of ($hash*) and 2 of ($own*)
}

rule miner_talks_in_memory
{
    meta:
        description = "A session with a mining pool, as it stands in a miner's memory"
        level = "high"
        attack = "T1496.001"
    strings:
        $job = /"job_id" ?: ?"[0-9A-Za-z]{4,40}"/ ascii
        $blob = /"blob" ?: ?"[0-9a-f]{120,}/ ascii
        $target = /"target" ?: ?"[0-9a-f]{6,16}"/ ascii
        $submit = /"method" ?: ?"(submit|mining\.submit)"/ ascii
        $nonce = /"nonce" ?: ?"[0-9a-f]{8}"/ ascii
    condition:
        ($job and $blob and $target) or ($submit and $nonce and $job)
}
