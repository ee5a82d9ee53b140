using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Migrations;

/// <summary>
/// Brings the ledger's tables to this program's version: numbered files, each applied once, by one process of several
/// (<see cref="LedgerLock"/>). Every statement can be run twice, so that a process that died in the middle does no harm.
/// </summary>
public sealed class Migrator(ILedger ledger, TimeProvider time)
{
    /// <summary>Applies what is missing.</summary>
    /// <returns>How many were applied by this process.</returns>
    /// <exception cref="InvalidOperationException">An applied migration's text has changed, or the ledger is newer than this program.</exception>
    public async Task<int> ApplyAsync(CancellationToken cancellationToken)
    {
        await ledger.ExecuteAsync("CREATE DATABASE IF NOT EXISTS metering", cancellationToken);
        await ledger.ExecuteAsync("CREATE TABLE IF NOT EXISTS metering.schema_migrations (version UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = MergeTree ORDER BY version", cancellationToken);
        var all = Migration.All();
        if ((await MissingAsync(all, cancellationToken)).Count == 0)
            return 0;
        return await new LedgerLock(ledger, time).HoldAsync(async () =>
        {
            var missing = await MissingAsync(all, cancellationToken);
            foreach (var migration in missing)
                await ApplyAsync(migration, cancellationToken);
            return missing.Count;
        }, cancellationToken);
    }

    private async Task ApplyAsync(Migration migration, CancellationToken cancellationToken)
    {
        foreach (var statement in migration.Statements())
            await ledger.ExecuteAsync(statement, cancellationToken);
        await ledger.ExecuteAsync(string.Create(CultureInfo.InvariantCulture,
            $"INSERT INTO metering.schema_migrations (version, name, checksum) VALUES ({migration.Version}, '{migration.Name}', '{migration.Checksum}')"), cancellationToken);
    }

    private async Task<List<Migration>> MissingAsync(IReadOnlyList<Migration> all, CancellationToken cancellationToken)
    {
        var applied = new Dictionary<int, string>();
        foreach (var fields in await ledger.RowsAsync("SELECT version, checksum FROM metering.schema_migrations ORDER BY version", cancellationToken))
            applied[int.Parse(fields[0], CultureInfo.InvariantCulture)] = fields[1];
        if (applied.Keys.DefaultIfEmpty().Max() is var newest && newest > all[^1].Version)
            throw new InvalidOperationException($"the ledger has migration {newest}, this program knows {all[^1].Version}: run a newer version of metering");
        foreach (var migration in all)
        {
            if (applied.TryGetValue(migration.Version, out var checksum) && checksum != migration.Checksum)
                throw new InvalidOperationException($"migration {migration.Version} ({migration.Name}) was applied with another text: put a change into a migration of its own");
        }
        return [.. all.Where(migration => !applied.ContainsKey(migration.Version))];
    }
}

/// <summary>One numbered file, <c>NNNN_name.sql</c>, embedded in this assembly.</summary>
public sealed record Migration(int Version, string Name, string Sql)
{
    public string Checksum => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Sql)));

    /// <summary>All files, in order; numbers begin at 1 and have no gap.</summary>
    public static IReadOnlyList<Migration> All()
    {
        const string Folder = "Metering.ClickHouse.Migrations.";
        var assembly = typeof(Migration).Assembly;
        return [.. assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Folder, StringComparison.Ordinal) && name.EndsWith(".sql", StringComparison.Ordinal))
            .Select(name => Read(assembly, name, name[Folder.Length..^".sql".Length]))
            .OrderBy(migration => migration.Version)];
    }

    /// <summary>The file's statements: each ends with a semicolon at the end of a line.</summary>
    public IEnumerable<string> Statements() =>
        Sql.Split(";\n", StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(statement => statement.TrimEnd(';'));

    private static Migration Read(Assembly assembly, string resource, string file)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
        return new Migration(int.Parse(file.AsSpan(0, 4), CultureInfo.InvariantCulture), file[5..], reader.ReadToEnd().ReplaceLineEndings("\n"));
    }
}
