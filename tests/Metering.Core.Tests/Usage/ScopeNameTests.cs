using System.Text;
using Metering.Core.Usage;

namespace Metering.Core.Tests.Usage;

public sealed class ScopeNameTests
{
    [Fact]
    public void A_name_is_its_dimensions_and_values_joined()
    {
        Assert.Equal("tenant=acme", Name("acme"));
        Assert.Equal("tenant=acme/model=gpt-4o", Name("acme", "gpt-4o"));
        Assert.Equal("tenant=Ärzte/model=a=b", Name("Ärzte", "a=b"));
    }

    [Theory]
    [InlineData("meta/llama", "tenant=meta%2Fllama")]
    [InlineData("a|b", "tenant=a%7Cb")]
    [InlineData("100%", "tenant=100%25")]
    [InlineData("a,b", "tenant=a%2Cb")]
    [InlineData("%2F", "tenant=%252F")]
    public void Characters_that_join_parts_are_escaped(string tenant, string expected) => Assert.Equal(expected, Name(tenant));

    [Fact]
    public void Values_that_share_an_account_are_joined_by_commas()
    {
        var name = new ScopeName(new byte[100]);
        name.Set("tenant"u8, "a,b"u8);
        name.Share("c"u8);
        name.Narrow("pool"u8, "h100"u8);
        Assert.Equal("tenant=a%2Cb,c/pool=h100", Encoding.UTF8.GetString(name.Utf8));
    }

    [Fact]
    public void No_two_scopes_have_one_name()
    {
        string[] values = ["a", "a/model=b", "a%2Fmodel=b", "b", "/", "%", "|", ",", "a,b", "a/", "a|", "%2F", "%25"];
        var names = values.SelectMany(tenant => values.Select(model => Name(tenant, model))).Concat(values.Select(tenant => Name(tenant))).ToArray();
        Assert.Equal(names.Length, names.Distinct().Count());
    }

    [Fact]
    public void The_longest_name_fits_its_buffer()
    {
        var longest = new string('/', 512);
        Assert.Equal("tenant=/model=".Length + (2 * 3 * 512), Name(longest, longest).Length);
    }

    private static string Name(string tenant, string? model = null)
    {
        var name = new ScopeName(new byte[ScopeName.MaxBytes]);
        name.Set("tenant"u8, Encoding.UTF8.GetBytes(tenant));
        if (model is not null)
            name.Narrow("model"u8, Encoding.UTF8.GetBytes(model));
        return Encoding.UTF8.GetString(name.Utf8);
    }
}
