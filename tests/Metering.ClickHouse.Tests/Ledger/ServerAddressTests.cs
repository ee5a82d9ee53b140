using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Tests.Ledger;

public sealed class ServerAddressTests
{
    [Theory]
    [InlineData("http://localhost:8123", "http://localhost:8123/")]
    [InlineData("http://me:geheim@localhost:8123/?database=metering", "http://me:***@localhost:8123/?database=metering")]
    [InlineData("https://me:ge%2Fhe:im@host/click/house/?database=m&max_threads=1", "https://me:***@host/click/house/?database=m")]
    [InlineData("http://host:8123/?user=me&password=geheim", "http://me:***@host:8123/")]
    [InlineData("http://me@[::1]:8123/", "http://me@[::1]:8123/")]
    public void ToString_never_shows_the_password(string url, string shown) => Assert.Equal(shown, ServerAddress.Parse(url).ToString());

    [Fact]
    public void Parse_takes_escaped_user_and_password_database_and_settings()
    {
        var address = ServerAddress.Parse("https://a%40b:ge%2Fhe:im@host/click?database=m%20x&max_threads=1");

        Assert.Equal(("a@b", "ge/he:im", "m x", "https://host/click"), (address.User, address.Password, address.Database, address.Url.AbsoluteUri));
        Assert.Equal("1", address.Settings["max_threads"]);
    }

    [Theory]
    [InlineData("localhost:8123")]
    [InlineData("tcp://me:geheim@host:9000")]
    [InlineData("http://me:geheim@")]
    [InlineData("")]
    public void Parse_of_another_text_is_refused_without_repeating_it(string url)
    {
        var error = Assert.Throws<ArgumentException>(() => ServerAddress.Parse(url));
        Assert.DoesNotContain("geheim", error.ToString(), StringComparison.Ordinal);
    }
}
