using System.Text;
using Metering.Core.Keys;

namespace Metering.Core.Tests.Keys;

public sealed class KeyBookTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 10, 12, 0, 0, TimeSpan.Zero);

    private static ApiKey Good => new() { Id = "k_1", Tenant = "acme", SecretHashes = [SecretHash.Of("secret-1").ToHex(), SecretHash.Of("secret-0").ToHex()] };

    [Fact]
    public void Find_knows_every_secret_in_force_and_no_other()
    {
        var keys = KeyBook.Create([Good with { Id = "k_2", SecretHashes = [SecretHash.Of("secret-2").ToHex()] }, Good]);
        Assert.Equal(("k_1", "k_1", "k_2"), (Find("secret-0"), Find("secret-1"), Find("secret-2")));
        Assert.Equal(["k_1", "k_2"], keys.Keys.Select(key => key.Id));
        foreach (var stranger in new[] { "", "secret", "secret-1 ", new string('x', 513), new string('x', 100_000), SecretHash.Of("secret-1").ToHex() })
            Assert.Null(Find(stranger));

        string? Find(string secret) => keys.Find(Encoding.UTF8.GetBytes(secret), Now, out var key) == KeyVerdict.Good ? key!.Id : null;
    }

    [Fact]
    public void Find_of_a_blocked_or_expired_key_says_so()
    {
        var nowMicros = Now.ToUnixTimeMilliseconds() * 1_000;
        Assert.Equal(KeyVerdict.Blocked, Verdict(Good with { IsBlocked = true, ExpiresAtMicros = 1 }));
        Assert.Equal(KeyVerdict.Expired, Verdict(Good with { ExpiresAtMicros = nowMicros }));
        Assert.Equal(KeyVerdict.Good, Verdict(Good with { ExpiresAtMicros = nowMicros + 1 }));
        Assert.Equal(KeyVerdict.Unknown, KeyBook.Empty.Find("secret-1"u8, Now, out _));

        static KeyVerdict Verdict(ApiKey key) => KeyBook.Create([key]).Find("secret-1"u8, Now, out _);
    }

    [Fact]
    public void SecretHash_is_sha256_in_lower_case_hex_and_prints_nothing()
    {
        const string Hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // of "abc", FIPS 180-4
        Assert.Equal(Hex, SecretHash.Of("abc").ToHex());
        Assert.True(SecretHash.TryParse(Hex, out var hash));
        Assert.Equal(SecretHash.Of("abc"), hash);
        Assert.Equal("***", hash.ToString());
        foreach (var bad in new[] { "", Hex[1..], Hex + "0", Hex.ToUpperInvariant(), Hex.Replace('a', 'g') })
            Assert.False(SecretHash.TryParse(bad, out _));
    }

    [Fact]
    public void Check_says_what_is_wrong()
    {
        Assert.Empty(KeyRules.Check(Good));
        AssertBad("the id is no id", Good with { Id = "a|b" });
        AssertBad("the tenant '' is no name", Good with { Tenant = "" });
        AssertBad("the tenant", Good with { Tenant = "\ud800" });
        AssertBad("has 0 secrets", Good with { SecretHashes = [] });
        AssertBad("has 3 secrets", Good with { SecretHashes = [.. Good.SecretHashes, Good.SecretHashes[0]] });
        AssertBad("hex digits", Good with { SecretHashes = ["secret-1"] });
        AssertBad("the model ''", Good with { Models = ["a", ""] });

        static void AssertBad(string expected, ApiKey key) => Assert.Contains(expected, Assert.Single(KeyRules.Check(key)), StringComparison.Ordinal);
    }

    [Fact]
    public void Find_allocates_nothing()
    {
        var keys = KeyBook.Create([Good]);
        keys.Find("secret-1"u8, Now, out _);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            keys.Find("secret-1"u8, Now, out _);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
