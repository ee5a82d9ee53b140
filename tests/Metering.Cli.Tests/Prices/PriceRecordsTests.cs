using Metering.Cli.Prices;
using Metering.Client.Prices;
using Metering.Core.Pricing;

namespace Metering.Cli.Tests.Prices;

public sealed class PriceRecordsTests
{
    [Fact]
    public void FromRecord_of_ToRecord_prices_the_same_under_the_same_version()
    {
        var file = PriceFile.Load(Path.Combine(Repository.Root, "infra", "prices", "prices.json"));
        var before = PriceBook.Create(file.Models);
        var after = PriceBook.Create(file.Models.Select(PriceRecords.ToRecord).Select(PriceRecords.FromRecord));
        const long Now = 1_790_000_000_000_000;
        Assert.All(file.Models, model =>
        {
            var expected = before.TryPrice(model.Model, Now, 300_000, 1_000, 500, 2_000, 100);
            Assert.True(expected.Priced, model.Model);
            Assert.Equal(expected, after.TryPrice(model.Model, Now, 300_000, 1_000, 500, 2_000, 100));
            Assert.Equal(before.Find(model.Model)!.MaxOutputTokens, after.Find(model.Model)!.MaxOutputTokens);
        });
    }
}
